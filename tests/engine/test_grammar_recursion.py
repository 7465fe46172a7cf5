"""Left recursion is found, and nothing else."""

import pytest

from service.engine.grammar_recursion import left_recursive_rule


@pytest.mark.parametrize(
    ("grammar", "rule"),
    [
        ('root ::= ((root "a") | ("a"))', "root"),
        ('root ::= ((a "x"))\na ::= ((b "y") | ("z"))\nb ::= ((a) | ("w"))', "a"),
        ('root ::= ((e root) | ("a"))\ne ::= ("" | ("x"))', "root"),
        ('root ::= ((d root) | ("a"))\nd ::= ((e e))\ne ::= ("" | ("x"))', "root"),
        ("root ::= ((a))\na ::= ((b))\nb ::= ((a))", "a"),
    ],
)
def test_left_recursion_is_found_by_whatever_way(grammar: str, rule: str) -> None:
    assert left_recursive_rule(grammar) == rule


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= (("a" root) | ("a"))',
        'root ::= (("root" root))',
        "root ::= (([root] root) | ())",
        'root ::= (("(" root ")") | ("\\"" root))',
        'root ::= ("" | (item root_1))\nitem ::= (("a"))\nroot_1 ::= ("" | ("," item root_1))',
        "",
    ],
)
def test_other_recursion_is_not(grammar: str) -> None:
    assert left_recursive_rule(grammar) is None

"""Left recursion in a grammar: a rule that may begin with itself, alone or by way of others.

Parsers of left-recursive grammars keep many readings of one text open, and every token costs more than the one before.
Takes a grammar as xgrammar prints it: one rule a line, `name ::= (("a" other) | (other))`, without comments.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_TOKENS: Final = re.compile(
    r'"(?:\\.|[^"\\])*"'  # text
    r"|\[(?:\\.|[^\]\\])*\]"  # characters
    r"|[\w.-]+"  # a rule's name
    r"|[()|*?+{}]"
)


def left_recursive_rule(grammar: str) -> str | None:
    """The name of a rule that may begin with itself; None if there is none."""
    rules = dict(_rules(grammar))
    nullable = _nullable(rules)
    begins = {name: set(_heads(body, nullable)) & rules.keys() for name, body in rules.items()}
    for name in rules:
        seen: set[str] = set()
        todo = list(begins[name])
        while todo:
            head = todo.pop()
            if head == name:
                return name
            if head not in seen:
                seen.add(head)
                todo += begins[head]
    return None


def _rules(grammar: str) -> Iterator[tuple[str, list[str]]]:
    for line in grammar.splitlines():
        name, is_rule, body = line.partition(" ::= ")
        if is_rule:
            yield name.strip(), _TOKENS.findall(body)


def _nullable(rules: Mapping[str, list[str]]) -> set[str]:
    """Rules that may be empty by themselves; those that are so only by way of others follow from them."""
    found = {name for name, body in rules.items() if '""' in body or "*" in body or "?" in body}
    while True:
        more = {
            name
            for name, body in rules.items()
            if name not in found and any(part and set(part) <= found for part in _alternatives(body))
        }
        if not more:
            return found
        found |= more


def _alternatives(body: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for token in body:
        if token == "|":  # noqa: S105 (a token of a grammar)
            yield part
            part = []
        elif token not in ("(", ")"):
            part.append(token)
    yield part


def _heads(body: list[str], nullable: set[str]) -> Iterator[str]:
    """What each alternative may begin with."""
    for part in _alternatives(body):
        for token in part:
            yield token
            if token not in nullable and token != '""':  # noqa: S105 (a token of a grammar)
                break

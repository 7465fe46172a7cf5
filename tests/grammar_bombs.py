"""Forms that no engine should be asked for: wrong, endless, or small and very expensive."""

import json
from typing import Any, Final


def _patterns(levels: int, pattern: str) -> dict[str, Any]:
    """Objects of eight members in so many levels, with patterns for leaves."""
    if levels == 0:
        return {"type": "string", "pattern": pattern}
    names = [f"k{i}" for i in range(8)]
    inner = _patterns(levels - 1, pattern)
    return {
        "type": "object",
        "properties": dict.fromkeys(names, inner),
        "required": names,
        "additionalProperties": False,
    }


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        schema = {"type": "array", "items": schema}
    return schema


def _schema(schema: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "bomb", "schema": schema}}}


def _form(**form: object) -> dict[str, Any]:
    return {"structured_outputs": form}


PARENTHESES: Final = 30_000

BOMBS: Final[dict[str, dict[str, Any]]] = {
    "an unclosed group": _form(regex="(abc"),
    "a NUL": _form(regex="a\0b"),
    "a NUL in a pattern": _schema({"type": "string", "pattern": "a\0b"}),
    "100 kB of regex": _form(regex="a" * 100_000),
    "a repeated repetition": _form(regex="(a+)+b"),
    "nested repetitions": _form(regex="((a{1,100}){1,100}){1,100}"),
    "a billion repetitions": _form(regex="a{1000000000}"),
    "a look-ahead": _form(regex="(?=a)b"),
    "a back-reference": _form(regex=r"(a)\1"),
    "30,000 parentheses in a regex": _form(regex="(" * PARENTHESES + "a" + ")" * PARENTHESES),
    "4,000 parentheses in a regex": _form(regex="(" * 4000 + "a" + ")" * 4000),
    "30,000 parentheses in a grammar": _form(grammar="root ::= " + "(" * PARENTHESES + '"a"' + ")" * PARENTHESES),
    "rules that never end": _form(grammar="root ::= a\na ::= b\nb ::= a"),
    "left recursion": _form(grammar='root ::= root "a" | "a"'),
    "left recursion by way of another rule": _form(
        grammar='root ::= empty a\nempty ::= "x" | ""\na ::= root "b" | "c"'
    ),
    "an ambiguous grammar": _form(grammar='root ::= "a" root root | ""'),
    "a very ambiguous grammar": _form(grammar='root ::= x*\nx ::= "a"* "a"*'),
    "an undefined rule": _form(grammar="root ::= nowhere"),
    "no grammar at all": _form(grammar="Tell me of the tide."),
    "a remote $ref": _schema({"$ref": "http://169.254.169.254/latest/meta-data"}),
    "a $ref to nowhere": _schema({"$ref": "#/$defs/nowhere"}),
    "a $ref to itself": _schema({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
    "65 levels": _schema(_nested(65)),
    "8 x 8 objects of patterns": _schema(_patterns(2, ".{1,50}")),
    "8 x 8 x 8 objects of patterns": _schema(_patterns(3, ".{1,50}")),
    "a bad pattern": _schema({"type": "string", "pattern": "["}),
    "100,000 enum values": _schema({"enum": [f"value-{i}" for i in range(100_000)]}),
    "100,000 choices": _form(choice=[f"value-{i}" for i in range(100_000)]),
    "an unknown type": _schema({"type": "strin"}),
    "a schema that is no object": _form(json="5"),
    "no JSON": _form(json="{"),
    "10,000 levels in a string": _form(json=json.dumps("x").join(["[" * 10_000, "]" * 10_000])),
    "an unknown tag": _form(structural_tag={"type": "structural_tag", "format": {"type": "nothing"}}),
    "multipleOf": _schema({"type": "integer", "multipleOf": 3}),
}
"""What is wrong, and the fields of a request that ask for it."""

"""Forms that no engine should be asked for: wrong, endless, or small and very expensive."""

import json
from typing import Any, Final


def patterns(levels: int, pattern: str) -> dict[str, Any]:
    """Objects of eight members in so many levels, with patterns for leaves."""
    if levels == 0:
        return {"type": "string", "pattern": pattern}
    names = [f"k{i}" for i in range(8)]
    inner = patterns(levels - 1, pattern)
    return {
        "type": "object",
        "properties": dict.fromkeys(names, inner),
        "required": names,
        "additionalProperties": False,
    }


def nested(levels: int) -> dict[str, Any]:
    """Arrays in so many levels."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels - 1):
        schema = {"type": "array", "items": schema}
    return schema


def schema(schema: object) -> dict[str, Any]:
    """The fields that ask for JSON of a schema."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "bomb", "schema": schema}}}


def form(**form: object) -> dict[str, Any]:
    """The fields that ask for another form."""
    return {"structured_outputs": form}


PARENTHESES: Final = 30_000

BOMBS: Final[dict[str, dict[str, Any]]] = {
    "an unclosed group": form(regex="(abc"),
    "a NUL": form(regex="a\0b"),
    "a NUL in a pattern": schema({"type": "string", "pattern": "a\0b"}),
    "100 kB of regex": form(regex="a" * 100_000),
    "a repeated repetition": form(regex="(a+)+b"),
    "nested repetitions": form(regex="((a{1,100}){1,100}){1,100}"),
    "a billion repetitions": form(regex="a{1000000000}"),
    "a look-ahead": form(regex="(?=a)b"),
    "a back-reference": form(regex=r"(a)\1"),
    "30,000 parentheses in a regex": form(regex="(" * PARENTHESES + "a" + ")" * PARENTHESES),
    "4,000 parentheses in a regex": form(regex="(" * 4000 + "a" + ")" * 4000),
    "30,000 parentheses in a grammar": form(grammar="root ::= " + "(" * PARENTHESES + '"a"' + ")" * PARENTHESES),
    "rules that never end": form(grammar="root ::= a\na ::= b\nb ::= a"),
    "left recursion": form(grammar='root ::= root "a" | "a"'),
    "left recursion by way of another rule": form(grammar='root ::= empty a\nempty ::= "x" | ""\na ::= root "b" | "c"'),
    "an ambiguous grammar": form(grammar='root ::= "a" root root | ""'),
    "a very ambiguous grammar": form(grammar='root ::= x*\nx ::= "a"* "a"*'),
    "an undefined rule": form(grammar="root ::= nowhere"),
    "no grammar at all": form(grammar="Tell me of the tide."),
    "a remote $ref": schema({"$ref": "http://169.254.169.254/latest/meta-data"}),
    "a $ref to nowhere": schema({"$ref": "#/$defs/nowhere"}),
    "a $ref to itself": schema({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
    "65 levels": schema(nested(65)),
    "8 x 8 x 8 objects of patterns": schema(patterns(3, ".{1,50}")),
    "a bad pattern": schema({"type": "string", "pattern": "["}),
    "100,000 enum values": schema({"enum": [f"value-{i}" for i in range(100_000)]}),
    "100,000 choices": form(choice=[f"value-{i}" for i in range(100_000)]),
    "an unknown type": schema({"type": "strin"}),
    "a schema that is no object": form(json="5"),
    "no JSON": form(json="{"),
    "10,000 levels in a string": form(json=json.dumps("x").join(["[" * 10_000, "]" * 10_000])),
    "an unknown tag": form(structural_tag={"type": "structural_tag", "format": {"type": "nothing"}}),
    "multipleOf": schema({"type": "integer", "multipleOf": 3}),
}
"""What is wrong, and the fields of a request that ask for it."""

"""YAML and JSON text to plain values."""

import pytest

from service.settings.document import DocumentError, read_inline, read_yaml


def test_a_date_stays_text() -> None:
    assert read_yaml("a: 2026-11-24") == {"a": "2026-11-24"}


def test_merged_keys_may_be_overridden() -> None:
    assert read_yaml("a: &a {x: 1}\nb: {<<: *a, x: 2}")["b"] == {"x": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        ('{"a": "\\ud83c\\udf0a"}', {"a": "\N{WATER WAVE}"}),
        ("{a: b}", {"a": "b"}),
        ("[a, 1]", ["a", 1]),
        ("0.5", 0.5),
        ("plain", "plain"),
    ],
)
def test_inline_text_is_json_or_yaml(text: str, value: object) -> None:
    assert read_inline(text) == value


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "{a: 1, a: 2}"])
def test_a_key_given_twice_is_refused_inline_too(text: str) -> None:
    with pytest.raises(DocumentError, match="'a' is given twice"):
        read_inline(text)

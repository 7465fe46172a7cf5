"""Fields that are known and refused, and the values of them that ask for nothing."""

from typing import Any

import pytest

from service.api.schema.not_served import FOR_CHAT, FOR_COMPLETIONS
from tests.api.schema.bodies import chat, completion, refused_chat, refused_completion

OPERATORS = [
    "chat_template",
    "mm_processor_kwargs",
    "kv_transfer_params",
    "vllm_xargs",
    "priority",
    "request_id",
    "cache_salt",
    "session_id",
    "data_parallel_rank",
    "documents",
]


@pytest.mark.parametrize("field", FOR_CHAT)
def test_every_refused_field_of_chats_says_why(field: str) -> None:
    code, param, message = refused_chat(**{field: {"a": "value"}})
    assert (code, param) == (FOR_CHAT[field].code, field)
    assert message.startswith(f"'{field}' is not available: ") and message.endswith("Leave it out.")


@pytest.mark.parametrize("field", FOR_COMPLETIONS)
def test_every_refused_field_of_completions_says_why(field: str) -> None:
    assert refused_completion(**{field: {"a": "value"}})[:2] == (FOR_COMPLETIONS[field].code, field)


@pytest.mark.parametrize("field", OPERATORS)
def test_what_only_an_operator_sets_is_refused_as_unknown(field: str) -> None:
    code, _, message = refused_chat(**{field: "value"})
    assert code == "unknown_parameter" and "operator" in message


@pytest.mark.parametrize("field", FOR_CHAT)
def test_values_that_ask_for_nothing_pass(field: str) -> None:
    for value in (None, *FOR_CHAT[field].harmless):
        assert chat(**{field: value}) == chat()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("modalities", ["text", "audio"]),
        ("use_beam_search", True),
        ("prompt_logprobs", 0),
        ("truncate_prompt_tokens", 10),
        ("use_beam_search", 0),
        ("priority", False),
        ("stream_interval", True),
    ],
)
def test_values_that_ask_for_something_do_not(field: str, value: Any) -> None:
    assert refused_chat(**{field: value})[1] == field


def test_an_empty_suffix_is_none() -> None:
    assert completion(suffix="") == completion()
    assert refused_completion(suffix="the end")[:2] == ("unsupported_value", "suffix")


def test_prompts_as_embeddings_are_refused_before_anything_reads_them() -> None:
    assert refused_completion(prompt_embeds="AAAA")[:2] == ("unsupported_value", "prompt_embeds")

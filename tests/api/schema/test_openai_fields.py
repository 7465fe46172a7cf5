"""The official client's parameter types say which fields have to be known, and where null may stand."""

from types import NoneType
from typing import Any, Required, get_args, get_origin, get_type_hints

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_params

from service.api.schema import ChatCompletionRequest, CompletionRequest
from service.api.schema.not_served import FOR_CHAT, FOR_COMPLETIONS
from tests.api.schema.bodies import chat, completion, refused_chat, refused_completion

CHAT = get_type_hints(chat_params.CompletionCreateParamsBase) | {"stream": bool | None}
COMPLETION = get_type_hints(completion_create_params.CompletionCreateParamsBase) | {"stream": bool | None}


def nullable(hint: Any) -> bool:
    if get_origin(hint) is Required:
        hint = get_args(hint)[0]
    return NoneType in get_args(hint)


@pytest.mark.parametrize("field", CHAT)
def test_every_field_of_openais_chats_is_known(field: str) -> None:
    assert field in ChatCompletionRequest.model_fields or field in FOR_CHAT


@pytest.mark.parametrize("field", COMPLETION)
def test_every_field_of_openais_completions_is_known(field: str) -> None:
    assert field in CompletionRequest.model_fields or field in FOR_COMPLETIONS


# vLLM allows a null for tools and tool_choice as well.
@pytest.mark.parametrize("field", sorted(CHAT.keys() - FOR_CHAT.keys() - {"tools", "tool_choice"}))
def test_null_stands_in_chats_exactly_where_openai_allows_it(field: str) -> None:
    if nullable(CHAT[field]):
        chat(**{field: None})
    else:
        assert refused_chat(**{field: None})[:2] == ("invalid_type", field)


# OpenAI reads a null prompt as the beginning of a new document, which is a token of its own models.
@pytest.mark.parametrize("field", sorted(COMPLETION.keys() - FOR_COMPLETIONS.keys() - {"prompt"}))
def test_null_stands_in_completions_exactly_where_openai_allows_it(field: str) -> None:
    if nullable(COMPLETION[field]):
        completion(**{field: None})
    else:
        assert refused_completion(**{field: None})[:2] == ("invalid_type", field)


def test_fields_without_effect_are_accepted_with_what_clients_send() -> None:
    chat(
        user="u",
        metadata={"a": "b"},
        store=True,
        service_tier="flex",
        safety_identifier="s",
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        prompt_cache_options={"mode": "implicit"},
        prediction={"type": "content", "content": "x"},
        verbosity="low",
        parallel_tool_calls=False,
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
    )

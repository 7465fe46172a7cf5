"""Whatever the body: a model, or one complete `InvalidRequestError`."""

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.schema import (
    ChatCompletionRequest,
    CompletionRequest,
    DetokenizeRequest,
    EmbeddingsRequest,
    LoadAdapterRequest,
    TokenizeRequest,
    UnloadAdapterRequest,
    parse,
)
from service.api.schema.not_served import FOR_CHAT, FOR_COMPLETIONS, FOR_EMBEDDINGS, FOR_TOKENIZE
from service.api.schema.wire_model import WireModel
from service.engine.requests import Sampling
from service.errors import InvalidRequestError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["user", "text"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "name", "tool_calls", "7"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
VALID = st.just([{"role": "user", "content": "Hello"}]) | st.just("Once") | st.just([1, 2])


def bodies(model: type[WireModel], refused: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Documents of known fields mostly, some with what may be valid in them."""
    known = st.sampled_from([*model.model_fields, *refused])
    given = next(each for each in ("messages", "prompt", "input", "tokens", "lora_name") if each in model.model_fields)
    required = {"model": st.just("m") | VALUES, given: VALID | VALUES}
    return st.tuples(st.fixed_dictionaries(required), st.dictionaries(known | st.text(), VALUES, max_size=3)).map(
        lambda parts: {**parts[1], **parts[0]}
    )


def check(model: type[WireModel], body: bytes) -> None:
    match attempt(model, body):
        case InvalidRequestError() as error:
            assert error.message.isprintable() and 0 < len(error.message) < 1000
            assert error.code
            assert error.param is None or (error.param and error.param.isprintable())
            assert json.loads(error.body())["error"]["type"] == "invalid_request_error"
        case ChatCompletionRequest() | CompletionRequest() as wanted:
            wanted.to_prompt()
            sampling = wanted.sampling(max(wanted.min_tokens, 10), {})
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(sampling), type=Sampling) == sampling
        case EmbeddingsRequest() as wanted:
            wanted.to_prompts()
        case TokenizeRequest() as wanted:
            wanted.to_prompt()


def attempt(model: type[WireModel], body: bytes) -> WireModel | InvalidRequestError:
    try:
        return parse(model, body)
    except InvalidRequestError as error:
        return error


MODELS: Final[list[tuple[type[WireModel], Any]]] = [
    (ChatCompletionRequest, FOR_CHAT),
    (CompletionRequest, FOR_COMPLETIONS),
    (EmbeddingsRequest, FOR_EMBEDDINGS),
    (TokenizeRequest, FOR_TOKENIZE),
    (DetokenizeRequest, {}),
    (LoadAdapterRequest, LoadAdapterRequest.not_served),
    (UnloadAdapterRequest, UnloadAdapterRequest.not_served),
]


@pytest.mark.parametrize(("model", "refused"), MODELS)
def test_any_document_gives_a_model_or_a_complete_error(model: type[WireModel], refused: Any) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(bodies(model, refused))
    def run(document: dict[str, Any]) -> None:
        check(model, json.dumps(document).encode())

    run()


ANY_BYTES: Final = st.binary(max_size=64) | VALUES.map(
    lambda value: json.dumps(value, ensure_ascii=False).encode(errors="replace")
)


@pytest.mark.parametrize("model", [model for model, _ in MODELS])
def test_any_bytes_give_a_complete_error(model: type[WireModel]) -> None:
    @settings(max_examples=100, deadline=None)
    @given(ANY_BYTES)
    def run(body: bytes) -> None:
        check(model, body)

    run()

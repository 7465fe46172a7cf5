"""The bytes of a chat stream, exactly."""

from service.api.chat_chunks import ChatChunks
from service.api.usage import Usage
from service.engine.base import Delta

HEAD = b'data: {"id":"c-1","object":"chat.completion.chunk","created":7,"model":"m","choices":['


def chunks(*, include_usage: bool = False) -> ChatChunks:
    """The encoder of one response."""
    return ChatChunks("c-1", 7, "m", include_usage=include_usage, with_logprobs=False)


def test_a_stream_byte_by_byte() -> None:
    encoder = chunks()
    first = encoder.events([Delta(0, "Ti", [1]), Delta(0, 'de"\n\x00', [2])])
    assert first == (
        HEAD
        + b'{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n'
        + HEAD
        + b'{"index":0,"delta":{"content":"Ti"},"logprobs":null,"finish_reason":null}]}\n\n'
        + HEAD
        + b'{"index":0,"delta":{"content":"de\\"\\n\\u0000"},"logprobs":null,"finish_reason":null}]}\n\n'
    )
    last = encoder.events([Delta(0, "", [3], "stop")])
    assert last == HEAD + b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
    assert encoder.end(None) == b"data: [DONE]\n\n"


def test_text_that_is_held_back_makes_no_event() -> None:
    encoder = chunks()
    encoder.events([Delta(0, "a", [1])])
    assert encoder.events([Delta(0, "", [2])]) == b""


def test_usage_is_null_in_every_chunk_but_its_own() -> None:
    encoder = chunks(include_usage=True)
    assert encoder.events([Delta(0, "a", [1])]).count(b',"usage":null}\n\n') == 2
    usage = Usage(3, 1, 4, {"cached_tokens": 2})  # type: ignore[arg-type]
    assert b'"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4' in encoder.end(usage)


def test_a_model_name_cannot_break_out_of_the_envelope() -> None:
    encoder = ChatChunks("c", 1, 'a"%s{}\0', include_usage=False, with_logprobs=False)
    assert b'"model":"a\\"%s{}\\u0000"' in encoder.events([Delta(0, "x", [1])])

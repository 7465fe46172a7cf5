"""The bytes of a chat stream, exactly."""

from typing import Any

import msgspec
import pytest

from service.api.chat_chunks import ChatChunks, ChatFold, ChatForm
from service.api.usage import Usage
from service.engine.deltas import Delta, ToolCallPart

PLAIN = ChatForm()
HEAD = b'data: {"id":"c-1","object":"chat.completion.chunk","created":7,"model":"m","choices":['


def chunks(form: ChatForm = PLAIN, *, include_usage: bool = False) -> ChatChunks:
    """The encoder of one response."""
    return ChatChunks("c-1", 7, "m", form, include_usage=include_usage)


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
    encoder = ChatChunks("c", 1, 'a"%s{}\0', ChatForm(), include_usage=False)
    assert b'"model":"a\\"%s{}\\u0000"' in encoder.events([Delta(0, "x", [1])])


CALLING = [
    Delta(0, "", [1], tool_calls=[ToolCallPart(0, "call-1", "tide")]),
    Delta(0, "", [2], tool_calls=[ToolCallPart(0, arguments='{"a":'), ToolCallPart(1, "call-2", "wind", "{}")]),
    Delta(0, "", [3], "stop", tool_calls=[ToolCallPart(0, arguments="1}")]),
]


def choices(events: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(event[6:])["choices"][0] for event in events.split(b"\n\n") if event]


def test_a_streamed_call_begins_with_its_id_and_goes_on_with_its_arguments() -> None:
    told = choices(chunks().events(CALLING))
    assert [each["delta"] for each in told[1:]] == [
        {
            "tool_calls": [
                {"index": 0, "id": "call-1", "type": "function", "function": {"name": "tide", "arguments": ""}}
            ]
        },
        {
            "tool_calls": [
                {"index": 0, "function": {"arguments": '{"a":'}},
                {"index": 1, "id": "call-2", "type": "function", "function": {"name": "wind", "arguments": "{}"}},
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {},
    ]
    assert told[-1]["finish_reason"] == "tool_calls"


def test_a_call_of_the_older_form_has_one_function_and_no_ids() -> None:
    told = choices(chunks(ChatForm(legacy_calls=True)).events(CALLING))
    assert [each["delta"] for each in told[1:]] == [
        {"function_call": {"name": "tide", "arguments": ""}},
        {"function_call": {"arguments": '{"a":'}},
        {"function_call": {"arguments": "1}"}},
        {},
    ]
    assert told[-1]["finish_reason"] == "function_call"


@pytest.mark.parametrize(("reason", "told"), [("stop", "tool_calls"), ("length", "length")])
def test_a_whole_answer_has_its_calls_put_together(reason: str, told: str) -> None:
    fold = ChatFold("c-1", 7, "m", ChatForm(), choices=1)
    fold.add([*CALLING[:-1], msgspec.structs.replace(CALLING[-1], finish_reason=reason)])
    choice = msgspec.json.decode(fold.body(Usage(3, 1, 4, {"cached_tokens": 2})))["choices"][0]  # type: ignore[arg-type]
    assert choice["finish_reason"] == told
    assert choice["message"]["content"] is None
    calls = [(call["id"], call["function"]) for call in choice["message"]["tool_calls"]]
    assert calls == [
        ("call-1", {"name": "tide", "arguments": '{"a":1}'}),
        ("call-2", {"name": "wind", "arguments": "{}"}),
    ]


@pytest.mark.parametrize(("wanted", "events"), [(True, 3), (False, 2)])
def test_reasoning_is_told_under_both_names_if_it_is_wanted(wanted: bool, events: int) -> None:
    deltas = [Delta(0, "", [1], reasoning="Hm."), Delta(0, "Yes.", [2])]
    told = [each["delta"] for each in choices(chunks(ChatForm(with_reasoning=wanted)).events(deltas))]
    assert len(told) == events
    assert ({"reasoning": "Hm.", "reasoning_content": "Hm."} in told) is wanted
    assert told[-1] == {"content": "Yes."}

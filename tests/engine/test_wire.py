"""Messages and errors survive the way between the processes."""

import msgspec
import pytest

from service.engine import wire
from service.engine.deltas import Delta, FirstDelta, PositionLogprobs, TokenLogprob
from service.engine.prompts import ChatPrompt
from service.errors import ContextLengthError, EngineUnavailableError, TidegateError


@pytest.mark.parametrize(
    "error",
    [ContextLengthError("too long", param="prompt"), EngineUnavailableError("later", retry_after=42)],
)
def test_an_error_arrives_as_it_left(error: TidegateError) -> None:
    sent = msgspec.msgpack.encode(wire.Failure.of(error))
    arrived = msgspec.msgpack.decode(sent, type=wire.Failure).error()
    assert type(arrived) is type(error)
    assert (arrived.message, arrived.param, arrived.code, arrived.headers) == (
        error.message,
        error.param,
        error.code,
        error.headers,
    )


def test_deltas_arrive_as_they_left() -> None:
    scored = PositionLogprobs(TokenLogprob("a", 1, -0.5), [])
    delta = Delta(2, "a", [1], "stop", 7, [scored], FirstDelta(3, 0.1, [None, scored]))
    sent = msgspec.msgpack.encode(wire.Deltas([(9, [delta])], [9]))
    arrived = msgspec.msgpack.decode(sent, type=wire.ToClient)
    assert isinstance(arrived, wire.EncodedDeltas)
    ((number, part),) = arrived.items
    assert (number, msgspec.msgpack.decode(part, type=list[Delta]), arrived.ended) == (9, [delta], [9])


def test_what_is_rendered_arrives_as_it_left() -> None:
    message = wire.Render(1, ChatPrompt(messages=[{"role": "user", "content": "x"}]))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=wire.ToHost) == message

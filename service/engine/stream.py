"""`BufferedStream`: the stream of an engine in this process."""

from collections.abc import Callable, Sequence

from service.engine.deltas import Delta
from service.engine.pushed_stream import DELTAS_A_TURN, PushedStream
from service.errors import TidegateError


class BufferedStream(PushedStream):
    """A generation whose deltas are pushed in one by one. It ends by itself once `choices` finish reasons have passed.

    What is buffered is bounded by the request's own `max_tokens` alone: whoever reads it must keep up.
    """

    __slots__ = ("_buffer", "_open_choices")

    def __init__(self, choices: int, on_abort: Callable[[], None]) -> None:
        super().__init__(on_abort)
        self._buffer: list[Delta] = []
        self._open_choices = choices

    def push(self, delta: Delta) -> None:
        """Add a delta; wakes the reader."""
        self._buffer.append(delta)
        if delta.finish_reason is not None:
            self._open_choices -= 1
            self._ended = self._ended or self._open_choices == 0
        self._wake()

    def _waits(self) -> bool:
        return bool(self._buffer)

    def _hand_out(self) -> Sequence[Delta]:
        ready, self._buffer = self._buffer[:DELTAS_A_TURN], self._buffer[DELTAS_A_TURN:]
        return ready

    def _drop(self) -> None:
        self._buffer.clear()


def failed(error: TidegateError) -> BufferedStream:
    """The stream of a request that is refused."""
    stream = BufferedStream(0, on_abort=lambda: None)
    stream.fail(error)
    return stream

"""`InHand`: what has been asked of an engine's host and is not yet answered. Does not know how the two talk."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from service.engine.encoded_stream import EncodedStream
from service.engine.wire import EncodedDeltas
from service.errors import EngineUnavailableError, TidegateError


class InHand:
    """Running generations and unanswered calls, by numbers that both ends know them by."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._streams: dict[int, EncodedStream] = {}
        self._calls: dict[int, asyncio.Future[Any]] = {}

    def new_stream(self, abort: Callable[[int], None], max_waiting_bytes: int | None) -> tuple[int, EncodedStream]:
        """A generation that is about to be asked for. `abort` is called if it is given up while it runs."""
        number = next(self._numbers)

        def on_abort() -> None:
            if self._streams.pop(number, None) is not None:
                abort(number)

        stream = self._streams[number] = EncodedStream(on_abort, max_waiting_bytes)
        return number, stream

    def new_call(self) -> tuple[int, asyncio.Future[Any]]:
        """A question that is about to be asked, and its answer. The future forgets it when it is done."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls[number] = future
        future.add_done_callback(lambda _: self._calls.pop(number, None))
        return number, future

    def deliver(self, deltas: EncodedDeltas) -> None:
        """Hand each stream its part of a step; some end with it."""
        streams = self._streams
        for number, part in deltas.items:
            if (stream := streams.get(number)) is not None:
                # A copy: a part of the frame would keep all of it, and a stream may wait for long.
                stream.push(bytes(part))
        for number in deltas.ended:
            if (stream := streams.pop(number, None)) is not None:
                stream.end()

    def answer(self, number: int, value: object) -> None:
        """A call's answer."""
        if (future := self._calls.get(number)) is not None and not future.done():
            future.set_result(value)

    def fail_call(self, number: int, error: TidegateError) -> None:
        """A call's failure."""
        if (future := self._calls.get(number)) is not None and not future.done():
            future.set_exception(error)

    def fail_stream(self, number: int, error: TidegateError) -> None:
        """A generation's failure, after what it has told."""
        if (stream := self._streams.pop(number, None)) is not None:
            stream.fail(error)

    def fail_all(self, error: EngineUnavailableError) -> None:
        """Nothing more will come."""
        for number in list(self._streams):
            self.fail_stream(number, error)
        for number in list(self._calls):
            self.fail_call(number, error)

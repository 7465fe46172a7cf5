"""A generation of which only the prompt counts: `max_tokens: 0`, which asks for the prompt's own log probabilities."""

from collections.abc import Sequence
from typing import Self

import msgspec

from service.engine.base import DeltaStream
from service.engine.deltas import Delta


class EchoOnly:
    """Drops the one token that an engine cannot but generate; everything about the prompt stays."""

    def __init__(self, stream: DeltaStream) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        ready = await anext(self._stream)
        return [
            msgspec.structs.replace(
                delta,
                text="",
                token_ids=[],
                logprobs=None,
                stop_reason=None,
                finish_reason=delta.finish_reason and "length",
            )
            for delta in ready
        ]

    async def aclose(self) -> None:
        await self._stream.aclose()

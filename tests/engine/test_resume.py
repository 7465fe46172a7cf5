"""Which requests go on, and how the choices of one go on side by side."""

import asyncio

import pytest
from msgspec.structs import replace

from service.engine.deltas import Delta, FirstDelta
from service.engine.info import EngineInfo, Resumption
from service.engine.prompts import Prompt
from service.engine.requests import Emitted, GenerationRequest, Sampling
from service.engine.resume import single_choices, why_not_resumable
from service.engine.resumed_choices import ResumedChoices
from service.engine.stream import BufferedStream
from service.errors import InternalError
from tests.engine_info import INFO

REQUEST = GenerationRequest(
    id="a",
    prompt=Prompt(token_ids=[1]),
    sampling=Sampling(max_tokens=9, n=2, seed=7),
    emitted=[Emitted(token_ids=[5]), Emitted(token_ids=[])],
)
SEEDED, RANDOM, GREEDY = ({"seed": 7}, {"seed": None}, {"seed": 7, "temperature": 0.0})


def info(resumption: Resumption) -> EngineInfo:
    """An engine that can go on with some requests."""
    return replace(INFO, resumption=resumption)


@pytest.mark.parametrize(
    ("resumption", "sampling", "goes_on"),
    [
        (Resumption.ALWAYS, SEEDED, True),
        (Resumption.UNSEEDED, SEEDED, False),
        (Resumption.UNSEEDED, RANDOM, True),
        (Resumption.UNSEEDED, GREEDY, True),
        (Resumption.NEVER, RANDOM, False),
    ],
)
def test_an_engine_says_what_it_cannot_go_on_with(
    resumption: Resumption, sampling: dict[str, float | None], goes_on: bool
) -> None:
    request = replace(REQUEST, sampling=replace(REQUEST.sampling, **sampling))
    assert (why_not_resumable(request, info(resumption)) is None) is goes_on


def test_every_choice_has_its_own_past_and_its_own_seed() -> None:
    first, second = single_choices(REQUEST)
    assert (first.sampling.seed, second.sampling.seed) == (7, 8)
    assert (first.emitted, second.emitted) == ([REQUEST.emitted[0]], [REQUEST.emitted[1]])
    assert first.id != second.id


class Choices:
    """The streams of single choices, as an engine makes them."""

    def __init__(self) -> None:
        self.streams: list[BufferedStream] = []
        self.closed = 0
        self.resumed = ResumedChoices(REQUEST, self._begin)

    def _begin(self, request: GenerationRequest) -> BufferedStream:
        self.streams.append(BufferedStream(request.sampling.n, on_abort=self._count))
        return self.streams[-1]

    def _count(self) -> None:
        self.closed += 1


async def test_choices_keep_their_indexes_and_end_together() -> None:
    choices = Choices()
    choices.streams[1].push(Delta(0, "b", [2], "stop"))
    choices.streams[0].push(Delta(0, "a", [1], "length"))
    deltas = [delta async for ready in choices.resumed for delta in ready]
    assert {(delta.index, delta.text) for delta in deltas} == {(0, "a"), (1, "b")}
    await choices.resumed.aclose()
    assert choices.closed == 0


async def test_what_is_known_of_the_prompt_is_told_once() -> None:
    choices = Choices()
    for stream in choices.streams:
        stream.push(Delta(0, "a", [1], "stop", first=FirstDelta(3, None)))
    deltas = [delta async for ready in choices.resumed for delta in ready]
    assert [delta.first is None for delta in deltas] == [False, True]
    await choices.resumed.aclose()


async def test_the_failure_of_one_choice_ends_all() -> None:
    choices = Choices()
    choices.streams[1].fail(InternalError("broken"))
    with pytest.raises(InternalError, match="broken"):
        await anext(choices.resumed)
    await choices.resumed.aclose()
    assert choices.closed == 1


async def test_closing_ends_a_reader_and_all_choices() -> None:
    choices = Choices()

    async def read() -> list[Delta]:
        return [delta async for ready in choices.resumed for delta in ready]

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    await choices.resumed.aclose()
    assert await reader == []
    assert choices.closed == 2

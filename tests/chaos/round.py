"""One round: many streams, one fault among them, all streams to their ends."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from tests.chaos.answer import Answer, ask
from tests.chaos.faults import Fault, strike
from tests.chaos.kinds import Kind

PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stream after its round."""

    kind: Kind
    answer: Answer
    same: bool

    @property
    def cut(self) -> bool:
        """Its client saw the pause."""
        return self.answer.pauses > 0


def acceptable(outcome: Outcome, fault: Fault) -> bool:
    """Exact, or, where that is allowed, ended with an error event. Wrong output never is."""
    return outcome.same or (fault.may_end_streams and outcome.answer.error is not None)


@dataclass(slots=True)
class Round:
    """What came of one fault. Times are in seconds after it; None for what was not seen."""

    fault: Fault
    outcomes: list[Outcome] = field(default_factory=list)
    noticed: float | None = None
    """The service said that it is not ready."""
    ready: float | None = None
    live: bool = True
    """Liveness was 200 all the time."""


def client(url: str) -> httpx.AsyncClient:
    """A client that waits for as long as a restart may take."""
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, limits=limits, trust_env=False)


async def undisturbed(url: str, kinds: Sequence[Kind]) -> dict[str, Answer]:
    """What each kind is answered when nothing happens, all running side by side."""
    async with client(url) as http:
        answers = await asyncio.gather(*(ask(http, kind, Answer()) for kind in kinds))
    return {kind.name: answer for kind, answer in zip(kinds, answers, strict=True)}


async def play(
    url: str, gateway: int, kinds: Sequence[Kind], fault: Fault, reference: Mapping[str, Answer], chance: random.Random
) -> Round:
    """Start all kinds, strike when a random part of their events has been told, and wait for every stream's end."""
    played = Round(fault)
    async with client(url) as http:
        answers = [Answer() for _ in kinds]
        streams = [asyncio.create_task(ask(http, kind, answer)) for kind, answer in zip(kinds, answers, strict=True)]
        mark = int(sum(answer.events for answer in reference.values()) * chance.random() * 0.9)
        while sum(answer.events for answer in answers) < mark and not all(stream.done() for stream in streams):
            await asyncio.sleep(0.002)
        watch = asyncio.create_task(_watch(http, played))
        await strike(gateway, fault)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*streams)
            await watch
    for kind, answer in zip(kinds, answers, strict=True):
        same = answer.complete and answer.same_as(reference[kind.name])
        played.outcomes.append(Outcome(kind, answer, same))
    return played


async def _watch(http: httpx.AsyncClient, played: Round) -> None:
    """Look at the health endpoints until the service has been seen unready and ready again."""
    began = time.monotonic()
    while played.ready is None:
        live, ready = await asyncio.gather(http.get("/health/live"), http.get("/health/ready"))
        now = time.monotonic() - began
        played.live = played.live and live.status_code == 200
        if ready.status_code != 200 and played.noticed is None:
            played.noticed = now
        if ready.status_code == 200 and played.noticed is not None:
            played.ready = now
        await asyncio.sleep(0.05)

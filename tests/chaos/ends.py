"""Two ends of a service: a drain in which the engine is killed, and a gateway that is killed itself."""

import asyncio
from collections.abc import Mapping
from typing import Final

import psutil

from tests.chaos.answer import Answer, ask
from tests.chaos.faults import Fault, strike
from tests.chaos.kinds import KINDS
from tests.chaos.round import client
from tests.service_process import ServiceProcess

ORPHANS_SECONDS: Final = 5.0


async def drained(service: ServiceProcess, reference: Mapping[str, Answer]) -> int:
    """SIGTERM, then a death, under streams, which all come to their proper ends. The exit code."""
    answers = [Answer() for _ in KINDS]
    async with client(service.url) as http:
        streams = [asyncio.create_task(ask(http, kind, answer)) for kind, answer in zip(KINDS, answers, strict=True)]
        await _begun(answers)
        service.terminate()
        await strike(service.pid, Fault.KILL_CORE)
        await asyncio.gather(*streams)
    for kind, answer in zip(KINDS, answers, strict=True):
        assert answer.complete and answer.same_as(reference[kind.name]), f"{kind.name}: {answer.error}"
    return await asyncio.to_thread(service.wait, 60)


async def orphans(service: ServiceProcess) -> int:
    """`kill -9` of the gateway under streams. How many of its processes are there five seconds later."""
    answers = [Answer() for _ in KINDS]
    kinds = [kind for kind in KINDS if kind.name != "adapter"]
    async with client(service.url) as http:
        streams = [asyncio.create_task(ask(http, kind, answer)) for kind, answer in zip(kinds, answers, strict=False)]
        await _begun(answers)
        tree = service.tree()
        psutil.Process(service.pid).kill()
        await asyncio.gather(*streams)
        _, left = await asyncio.to_thread(psutil.wait_procs, tree, ORPHANS_SECONDS)
    return len(left)


async def _begun(answers: list[Answer]) -> None:
    while sum(answer.events for answer in answers) < len(answers):
        await asyncio.sleep(0.01)

"""All bad input against the real engine: the right answers, the same processes, nothing left behind, nothing told."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Final

import httpx
import pytest

from service.models.bundled import BUNDLED as MODEL
from tests.api.connection import dial
from tests.bad_input.footprint import Footprint
from tests.bad_input.row import CHAT, MARK, USER, post
from tests.bad_input.table import FOR_THE_REAL_ENGINE
from tests.bad_input.thrown import Thrown, canary, listing, throw_all
from tests.bad_input.trap import trap, walk_into
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

GROWTH_MIB: Final = 64
"""What the allocator of one process may keep for itself after a second throw of everything."""

CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]")

ENDLESS: Final = {"model": MODEL, "messages": [USER], "ignore_eos": True, "max_tokens": 4000}


@dataclass(frozen=True)
class Run:
    """Everything thrown once for the list, and once more for what it leaves behind."""

    thrown: list[Thrown]
    first: Footprint
    before: Footprint
    after: Footprint


@pytest.fixture(scope="module")
def run(service: ServiceProcess, listing_lines: list[str]) -> Run:
    """Both throws."""
    first = Footprint.of(service.pid)
    thrown = asyncio.run(throw_all(service.port, MODEL, FOR_THE_REAL_ENGINE))
    listing_lines += listing(thrown)
    before = Footprint.of(service.pid)
    again = [row for row in FOR_THE_REAL_ENGINE if row.status >= 400 and row.group != "slowness"]
    asyncio.run(throw_all(service.port, MODEL, again))
    after = settled(service, before)
    listing_lines += after.compared(before)
    return Run(thrown, first, before, after)


def settled(service: ServiceProcess, before: Footprint) -> Footprint:
    """What the service holds when it holds no more than before, or after ten seconds."""
    deadline = time.monotonic() + 10
    while (now := Footprint.of(service.pid)).descriptors != before.descriptors and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def test_everything_is_answered_as_the_table_says(run: Run) -> None:
    assert [each.line for each in run.thrown if each.faults] == []


def test_no_answer_is_a_server_error(run: Run) -> None:
    assert {each.status // 100 for each in run.thrown} == {2, 4}


def test_the_processes_are_those_that_were_there_before(run: Run) -> None:
    assert run.first.descriptors.keys() == run.after.descriptors.keys()


def test_no_descriptor_stays_open(run: Run) -> None:
    assert run.after.descriptors == run.before.descriptors


def test_memory_does_not_grow(run: Run) -> None:
    growth = {pid: run.after.memory[pid] - held for pid, held in run.before.memory.items()}
    assert max(growth.values()) < GROWTH_MIB, run.after.compared(run.before)


def test_the_log_tells_nothing_and_steers_no_terminal(run: Run, service: ServiceProcess) -> None:
    text = service.text()
    assert text.count('"message":"request"') > len(run.thrown)
    assert MARK not in text
    assert CONTROLS.findall(text) == []


def test_nobody_is_called_whose_address_stands_in_a_request(service: ServiceProcess, listing_lines: list[str]) -> None:
    async def walk() -> tuple[list[Thrown], int]:
        async with trap() as waiting:
            return await walk_into(service.port, MODEL, waiting), waiting.calls

    thrown, calls = asyncio.run(walk())
    listing_lines += [each.line for each in thrown]
    assert [each.line for each in thrown if each.faults] == []
    assert calls == 0


def cancelled(service: ServiceProcess) -> float:
    """Requests that were given up by their clients, so far."""
    text = httpx.get(service.management_url + "/metrics", timeout=10).text
    return sum(map(float, re.findall(r'^tidegate_requests_total\{.*outcome="cancelled".*\} (\S+)$', text, re.M)))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_client_that_goes_frees_the_engine_and_is_counted_once(
    service: ServiceProcess, listing_lines: list[str], stream: bool, seconds: float
) -> None:
    async def ask_and_go() -> None:
        async with dial(service.port) as connected:
            await connected.send(post(CHAT, {**ENDLESS, "stream": stream}))
            await asyncio.sleep(seconds)
            assert service.settles("vllm:num_requests_running", 1, 10)
            connected.writer.transport.abort()

    song, before = asyncio.run(canary(service.port, MODEL)), cancelled(service)
    asyncio.run(ask_and_go())
    began = time.monotonic()
    assert service.settles("vllm:num_requests_running", 0, 10)
    took = (time.monotonic() - began) * 1000
    listing_lines.append(f"{took:8.1f} ms  engine free  lifecycle: gone after {seconds} s, stream {stream}")
    assert asyncio.run(canary(service.port, MODEL)) == song
    assert cancelled(service) == before + 1

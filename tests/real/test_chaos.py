"""The chaos suite's shorter form: one engine killed and one stopped under streams of all kinds."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.chaos.faults import Fault
from tests.chaos.kinds import ADAPTER, KINDS
from tests.chaos.report import table
from tests.chaos.round import acceptable, play, undisturbed
from tests.chaos.service import chaos_service
from tests.peft_folder import bundled_adapter

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]


def test_all_kinds_of_streams_survive_a_killed_and_a_hung_engine(tmp_path: Path) -> None:
    adapter = bundled_adapter(tmp_path / ADAPTER, seed=3)

    async def rounds() -> None:
        reference = await undisturbed(service.url, KINDS)
        assert [answer.error for answer in reference.values() if not answer.complete] == []
        for fault in (Fault.KILL_CORE, Fault.STOP_CORE):
            played = await play(service.url, service.pid, KINDS, fault, reference, random.Random(1))
            print(table([played]))
            assert all(acceptable(outcome, fault) for outcome in played.outcomes)
            assert played.live and played.noticed is not None

    with chaos_service(f"--engine.lora_adapters={ADAPTER}={adapter}") as service:
        service.wait_until_ready()
        asyncio.run(rounds())

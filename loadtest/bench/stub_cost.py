"""What the stub engines cost by themselves, with no front end around them: to be taken off both sides' figures."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from loadtest.bench.commands import SIMULATED
from loadtest.bench.figures import Figure, Row, Table
from service.engine.prompts import Prompt
from service.engine.requests import GenerationRequest, Sampling
from service.engine.simulated import INSTANT_STEPS, SimulatedEngine
from service.settings import load_settings

REQUESTS_PER_CLIENT: Final = 25
COLUMN: Final = "CPU s/1000 events"


def compare(model_folder: Path, tokens: int, clients: tuple[int, ...]) -> Table:
    """CPU seconds per 1,000 deltas of each stub, read by a loop that drops them."""
    command = [sys.executable, "-m", "loadtest.bench.vllm_stub_cost", str(model_folder), str(tokens)]
    theirs = float(subprocess.run(command, capture_output=True, check=True).stdout.split()[-1])
    rows = [Row("vllm's stub", {COLUMN: Figure.of([theirs])})]
    for count in clients:
        ours = asyncio.run(_simulated_cost(count, tokens))
        rows.append(Row(f"simulated engine, {count} at once", {COLUMN: Figure.of([ours])}))
    note = f"both stubs hand out ready-made deltas; vllm's never suspends, ours makes {INSTANT_STEPS} steps a turn"
    return Table(title="The stub engines alone", rows=rows, notes=[note])


async def _simulated_cost(clients: int, tokens: int) -> float:
    settings = load_settings(SIMULATED, {}).settings
    engine = SimulatedEngine(settings.engine, settings.simulation)
    await engine.start(lambda _: None)
    sampling = Sampling(max_tokens=tokens, ignore_eos=True)

    async def client(number: int) -> None:
        for i in range(REQUESTS_PER_CLIENT):
            request = GenerationRequest(id=f"{number}-{i}", prompt=Prompt(token_ids=[1]), sampling=sampling)
            async for _ in engine.generate(request):
                pass

    started = time.process_time()
    await asyncio.gather(*map(client, range(clients)))
    used = time.process_time() - started
    await engine.aclose()
    return used / (clients * REQUESTS_PER_CLIENT * tokens) * 1000

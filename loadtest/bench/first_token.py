"""Part 3: time to first token through the full stack, against `AsyncLLM.generate` called directly, on the real model.

Never both engines at once: ours, the bare one, ours, the bare one, each with the same settings and the same prompt.
"""

import subprocess
import sys
from typing import Final

import msgspec

from loadtest.bench import commands
from loadtest.bench.effort import Effort
from loadtest.bench.figures import Figure, Row, Table, percentile
from loadtest.bench.load import PROMPT, Load
from loadtest.bench.response import Expected
from loadtest.bench.rounds import Measurement, disturbance, measure
from loadtest.bench.server_process import ServerFailedError

TOKENS: Final = 4
WARM_UP_REQUESTS: Final = 10


def compare(model: str | None, effort: Effort) -> Table:
    """p50 and p90 of both, and the difference."""
    ours: list[Measurement] = []
    direct: list[list[float]] = []
    for _ in range(effort.engine_starts):
        ours.append(_through_the_stack(model, effort.requests))
        direct.append(_directly(model, effort.requests))
    figures: dict[str, dict[str, Figure]] = {"ours": {}, "direct": {}, "added": {}}
    for percent in (50, 90):
        column = f"p{percent} ms"
        mine = [percentile(each.load.first_token_seconds[WARM_UP_REQUESTS:], percent) * 1e3 for each in ours]
        bare = [percentile(times, percent) * 1e3 for times in direct]
        figures["ours"][column], figures["direct"][column] = Figure.of(mine), Figure.of(bare)
        figures["added"][column] = Figure.of(a - b for a, b in zip(mine, bare, strict=True))
    return Table(
        title="Time to first token on the real model, one request at a time",
        rows=[
            Row("tidegate, request sent to first text received", figures["ours"]),
            Row("AsyncLLM.generate, called to first output", figures["direct"]),
            Row("added", figures["added"]),
        ],
        notes=[
            f"{effort.requests} requests of {TOKENS} tokens in each of {effort.engine_starts} engine starts",
            *disturbance(ours),
        ],
    )


def _through_the_stack(model: str | None, requests: int) -> Measurement:
    with commands.real(model) as server:
        load = Load(
            port=server.port,
            model=server.model,
            clients=1,
            expected=Expected(tokens=TOKENS, event_per_token=False),
            requests_per_client=WARM_UP_REQUESTS + requests,
        )
        return measure(server, load)


def _directly(model: str | None, requests: int) -> list[float]:
    """In a process of its own, which ends with its engine."""
    job = [PROMPT, str(TOKENS), str(WARM_UP_REQUESTS + requests), *commands.real_options(model)]
    command = [sys.executable, "-m", "loadtest.bench.vllm_direct", *job]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise ServerFailedError(f"vllm_direct ended with code {done.returncode}:\n{done.stderr.decode()[-4000:]}")
    times = msgspec.json.decode(done.stdout.splitlines()[-1], type=list[float])
    return times[WARM_UP_REQUESTS:]

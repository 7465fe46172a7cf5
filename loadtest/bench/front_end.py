"""Parts 1 and 2: vLLM's chat front end and ours, on stub engines that never wait, under the same load."""

import contextlib
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from loadtest.bench import commands
from loadtest.bench.effort import Effort
from loadtest.bench.figures import Figure, Goal, Row, Table, ratios
from loadtest.bench.rounds import Measurement, closed_loop, disturbance, take_turns

CLIENTS: Final = (8, 64)
TOKENS: Final = 200
LEAST_STREAMED_RATIO: Final = 4.0

NOTES: Final = [
    f"event: a `data:` event with text; each response was counted and had exactly {TOKENS} tokens",
    "cores: CPU seconds per second of the server's processes; generator and others likewise",
    f"'{commands.VLLM}' renders and tokenises the prompt once, for the simulated engine does neither; "
    f"'{commands.VLLM_RENDERING}' does it for each request",
]


class Unit(msgspec.Struct, frozen=True):
    """What is counted: events of streams, or whole responses."""

    name: str
    count: Callable[[Measurement], int]


EVENTS: Final = Unit("events", lambda each: each.load.tokens)
REQUESTS: Final = Unit("requests", lambda each: each.load.responses)


def compare(model_folder: Path, effort: Effort, *, stream: bool) -> list[Table]:
    """One table per number of clients. All servers are up at once and loaded in turn."""
    servers = [
        commands.vllm(model_folder),
        commands.simulated(commands.HOSTED),
        commands.simulated(commands.IN_PROCESS, in_process=True),
        commands.vllm(model_folder, render_each=True),
    ]
    tables = []
    with contextlib.ExitStack() as running:
        for server in servers:
            running.enter_context(server)
        for clients in CLIENTS:
            load = closed_loop(clients=clients, tokens=TOKENS, stream=stream, seconds=effort.seconds)
            tables.append(_table(take_turns(servers, load, effort.rounds), clients, stream))
    return tables


def _table(turns: dict[str, list[Measurement]], clients: int, stream: bool) -> Table:
    unit = EVENTS if stream else REQUESTS
    rows = [Row(name, _figures(measured, turns[commands.VLLM], unit)) for name, measured in turns.items()]
    goals = []
    if stream:
        got = next(row.figures["ratio"].median for row in rows if row.label == commands.HOSTED)
        goals = [Goal(f"streamed events/s at {clients} clients over vLLM's", LEAST_STREAMED_RATIO, got)]
    kind = "streamed" if stream else "not streamed"
    return Table(
        title=f"Front end, {kind}, {clients} clients, {TOKENS} tokens a response",
        rows=rows,
        goals=goals,
        notes=[*(NOTES if clients == CLIENTS[0] else []), *disturbance(chain(*turns.values()))],
    )


def _figures(measured: list[Measurement], peer: list[Measurement], unit: Unit) -> dict[str, Figure]:
    return {
        f"{unit.name}/s": Figure.of(_rates(measured, unit)),
        "ratio": ratios(_rates(measured, unit), _rates(peer, unit)),
        f"CPU s/1000 {unit.name}": Figure.of(_costs(measured, unit)),
        "of it gateway": Figure.of(each.cpu.root / unit.count(each) * 1000 for each in measured),
        "engine host": Figure.of(each.cpu.children / unit.count(each) * 1000 for each in measured),
        "ratio per CPU": ratios(_costs(peer, unit), _costs(measured, unit)),
        "tokens a write": Figure.of(each.tokens_per_write for each in measured),
        "cores": Figure.of(each.cpu.total / each.load.seconds for each in measured),
        "generator": Figure.of(each.load.cpu_seconds / each.load.seconds for each in measured),
        "others": Figure.of(each.other_cores for each in measured),
    }


def _rates(measured: list[Measurement], unit: Unit) -> list[float]:
    return [unit.count(each) / each.load.seconds for each in measured]


def _costs(measured: list[Measurement], unit: Unit) -> list[float]:
    return [each.cpu.total / unit.count(each) * 1000 for each in measured]

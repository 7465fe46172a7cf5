"""Part 5: the simulated engine in a process of its own (the default) and in the gateway's own process."""

import contextlib
from itertools import chain
from typing import Final

from loadtest.bench import commands
from loadtest.bench.effort import Effort
from loadtest.bench.figures import Figure, Row, Table, ratios
from loadtest.bench.load import Load
from loadtest.bench.response import Expected
from loadtest.bench.rounds import Measurement, closed_loop, disturbance, take_turns
from loadtest.bench.server_process import ServerProcess

CLIENTS: Final = (1, 8, 64)
TOKENS: Final = 200
FEW_TOKENS: Final = 2


def compare(effort: Effort) -> list[Table]:
    """Events per second by number of clients, and what the socket adds to the time to first token."""
    servers = [commands.simulated(commands.IN_PROCESS, in_process=True), commands.simulated(commands.HOSTED)]
    with contextlib.ExitStack() as running:
        for server in servers:
            running.enter_context(server)
        return [*(_rate_table(servers, clients, effort) for clients in CLIENTS), _time_table(servers, effort)]


def _rate_table(servers: list[ServerProcess], clients: int, effort: Effort) -> Table:
    load = closed_loop(clients=clients, tokens=TOKENS, stream=True, seconds=effort.seconds)
    turns = take_turns(servers, load, effort.rounds)
    base = _rates(turns[commands.IN_PROCESS])
    rows = [
        Row(
            name,
            {
                "events/s": Figure.of(_rates(measured)),
                "ratio": ratios(_rates(measured), base),
                "CPU s/1000 events": Figure.of(each.cpu.total / each.load.tokens * 1000 for each in measured),
                "cores": Figure.of(each.cpu.total / each.load.seconds for each in measured),
                "others": Figure.of(each.other_cores for each in measured),
            },
        )
        for name, measured in turns.items()
    ]
    return Table(
        title=f"Hosted or in-process, streamed, {clients} clients", rows=rows, notes=disturbance(chain(*turns.values()))
    )


def _time_table(servers: list[ServerProcess], effort: Effort) -> Table:
    def one_by_one(server: ServerProcess) -> Load:
        expected = Expected(tokens=FEW_TOKENS)
        return Load(
            port=server.port,
            model=server.model,
            clients=1,
            expected=expected,
            requests_per_client=effort.requests,
        )

    turns = take_turns(servers, one_by_one, effort.rounds)
    inside, hosted = turns[commands.IN_PROCESS], turns[commands.HOSTED]
    added = {
        "p50 ms": Figure.of(b.first_token_p50_ms - a.first_token_p50_ms for a, b in zip(inside, hosted, strict=True)),
        "p90 ms": Figure.of(b.first_token_p90_ms - a.first_token_p90_ms for a, b in zip(inside, hosted, strict=True)),
    }
    return Table(
        title="Hosted or in-process, time to first token, one request at a time",
        rows=[*(Row(name, _times(measured)) for name, measured in turns.items()), Row("added by hosting", added)],
        notes=disturbance(chain(*turns.values())),
    )


def _rates(measured: list[Measurement]) -> list[float]:
    return [each.tokens_per_second for each in measured]


def _times(measured: list[Measurement]) -> dict[str, Figure]:
    return {
        "p50 ms": Figure.of(each.first_token_p50_ms for each in measured),
        "p90 ms": Figure.of(each.first_token_p90_ms for each in measured),
    }

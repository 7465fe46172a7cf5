"""Part 4: continuous batching on the real engine, through our service: one request alone and 32 together."""

from collections.abc import Callable
from typing import Final

from loadtest.bench import commands
from loadtest.bench.effort import Effort
from loadtest.bench.figures import Figure, Goal, Row, Table, ratios
from loadtest.bench.load import Load
from loadtest.bench.response import Expected
from loadtest.bench.rounds import Measurement, disturbance, measure
from loadtest.bench.server_process import ServerProcess

TOGETHER: Final = 32
TOKENS: Final = 64
LEAST_RATIO: Final = 8.0


def compare(model: str | None, effort: Effort) -> Table:
    """Tokens per second of both, alternating, after a warm-up of both."""
    alone: list[Measurement] = []
    together: list[Measurement] = []
    with commands.real(model) as server:
        for turn in range(1 + effort.rounds):
            pair = measure(server, _wave(1)(server)), measure(server, _wave(TOGETHER)(server))
            if turn:
                alone.append(pair[0])
                together.append(pair[1])
    got = ratios([each.tokens_per_second for each in together], [each.tokens_per_second for each in alone])
    return Table(
        title=f"Continuous batching on the real model, {TOKENS} tokens each",
        rows=[
            Row("1 alone", _figures(alone)),
            Row(f"{TOGETHER} together", _figures(together)),
            Row("ratio", {"tokens/s": got}),
        ],
        notes=disturbance([*alone, *together]),
        goals=[Goal(f"tokens/s of {TOGETHER} together over one alone", LEAST_RATIO, got.median)],
    )


def _wave(clients: int) -> Callable[[ServerProcess], Load]:
    def load_for(server: ServerProcess) -> Load:
        expected = Expected(tokens=TOKENS, event_per_token=False)
        return Load(port=server.port, model=server.model, clients=clients, expected=expected, requests_per_client=1)

    return load_for


def _figures(measured: list[Measurement]) -> dict[str, Figure]:
    return {
        "tokens/s": Figure.of(each.tokens_per_second for each in measured),
        "first token p50 ms": Figure.of(each.first_token_p50_ms for each in measured),
        "cores": Figure.of(each.cpu.total / each.load.seconds for each in measured),
        "others": Figure.of(each.other_cores for each in measured),
    }

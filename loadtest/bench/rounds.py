"""Servers under the same load in turn: A B A B."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
import psutil

from loadtest.bench.cpu import CpuSeconds
from loadtest.bench.figures import Figure, percentile
from loadtest.bench.load import Load, LoadResult, run_load
from loadtest.bench.response import Expected
from loadtest.bench.server_process import ServerProcess

DISTURBED_CORES: Final = 0.2
"""Cores taken by others, above which a measurement deserves a remark."""

PAUSE_SECONDS: Final = 0.0005
"""For rates: far below the time of one response, and enough for several events to gather."""


class Measurement(msgspec.Struct, frozen=True):
    """One server under one load, once."""

    load: LoadResult
    cpu: CpuSeconds
    """Of the server's processes."""
    other_cores: float
    """Cores that neither the server nor the generator used: other programs, and what the hypervisor withheld."""

    @property
    def tokens_per_second(self) -> float:
        """Tokens, which are the events with text, over the whole run."""
        return self.load.tokens / self.load.seconds

    @property
    def requests_per_second(self) -> float:
        """Whole responses over the whole run."""
        return self.load.responses / self.load.seconds

    @property
    def tokens_per_write(self) -> float:
        """How many tokens the server sent together, on average."""
        return self.load.tokens / self.load.responses / statistics.mean(self.load.writes)

    @property
    def first_token_p50_ms(self) -> float:
        """From the request's last byte sent to the first event with text."""
        return percentile(self.load.first_token_seconds, 50) * 1e3

    @property
    def first_token_p90_ms(self) -> float:
        """The same for the slowest tenth."""
        return percentile(self.load.first_token_seconds, 90) * 1e3


def measure(server: ServerProcess, load: Load) -> Measurement:
    """Run one load. Raises `LoadError` if a response is not as ordered."""
    machine, cpu = _machine_seconds(), server.cpu()
    result = run_load(load)
    used, busy = server.cpu().since(cpu), _machine_seconds() - machine
    return Measurement(result, used, max(0.0, busy - used.total - result.cpu_seconds) / result.seconds)


def take_turns(
    servers: Sequence[ServerProcess], load_for: Callable[[ServerProcess], Load], rounds: int
) -> dict[str, list[Measurement]]:
    """Measure each server once per round, after a short warm-up of each; by server name."""
    for server in servers:
        load = load_for(server)
        run_load(msgspec.structs.replace(load, seconds=None, requests_per_client=2))
    turns: dict[str, list[Measurement]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            turns[server.name].append(measure(server, load_for(server)))
    return turns


def closed_loop(*, clients: int, tokens: int, stream: bool, seconds: float) -> Callable[[ServerProcess], Load]:
    """Clients that ask again as soon as they have been answered."""

    def load_for(server: ServerProcess) -> Load:
        return Load(
            port=server.port,
            model=server.model,
            clients=clients,
            expected=Expected(tokens=tokens, stream=stream),
            seconds=seconds,
            pause_seconds=PAUSE_SECONDS,
        )

    return load_for


def disturbance(measured: Iterable[Measurement]) -> list[str]:
    """A remark for the report if the machine was not ours alone."""
    cores = Figure.of(each.other_cores for each in measured)
    if cores.high < DISTURBED_CORES:
        return []
    return [f"others took {cores.median:.2f} cores (up to {cores.high:.2f}); trust CPU figures more than rates"]


def _machine_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)

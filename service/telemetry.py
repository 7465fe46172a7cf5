"""The gateway's own metrics, and their exposition in Prometheus text format beside the engine's.

What they are counted in is `metric_families.py`. prometheus_client measures the process. Labels come from closed sets:
a model that is not served is "other", whatever it was called. Does not know HTTP, requests or vLLM, and keeps no state
outside a `Telemetry` object.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal, TypeAlias

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from service.engine.base import Phase
from service.engine.info import EngineInfo
from service.loop_lag import RecentMaximum
from service.metric_families import BOUNDS, OTHER, Histograms, Values

Route: TypeAlias = Literal["chat", "completions", "embeddings", "tokenize", "detokenize", "models", "other"]
Outcome: TypeAlias = Literal["ok", "client_error", "server_error", "unavailable", "cancelled"]

GENERATING: Final[tuple[Route, ...]] = ("chat", "completions")
ROUTES: Final[tuple[Route, ...]] = (*GENERATING, "embeddings", "tokenize", "detokenize", "models", "other")
OUTCOMES: Final[tuple[Outcome, ...]] = ("ok", "client_error", "server_error", "unavailable", "cancelled")
LAG_WINDOW_SECONDS: Final = 60.0


class Recorder:
    """Records the requests of one route and model; labels are resolved once, when it is made.

    For each request either `refused`, or `started` and later `finished`, exactly once.
    """

    __slots__ = ("_e2e", "_gaps", "_in_flight", "_model", "_queued", "_requests", "_route", "_telemetry", "_ttft")

    def __init__(self, telemetry: "Telemetry", route: Route, model: str) -> None:
        self._telemetry = telemetry
        self._route = (route,)
        self._model = (model,)
        self._ttft = telemetry.time_to_first_token.child(route, model)
        self._gaps = telemetry.inter_token_latency.child(model)
        self._e2e = telemetry.e2e_latency.child(route, model)
        self._queued = telemetry.queue_time.child(model)
        self._in_flight = telemetry.in_flight.values
        self._requests = telemetry.requests.values
        # Series exist from the start: rate() does not see the first increase of one that appears with it.
        for outcome in OUTCOMES:
            self._requests.setdefault((route, outcome, model), 0.0)
        for family in telemetry.token_families:
            family.values.setdefault(self._model, 0.0)

    def started(self) -> None:
        """A request is in flight."""
        self._in_flight[self._route] += 1

    def first_token(self, seconds: float) -> None:
        """The first non-empty token left, this long after the request was received."""
        self._ttft.observe(seconds)

    def gaps(self, seconds: float, count: int) -> None:
        """`count` (at least 1) tokens left in one write, `seconds` after the write of tokens before it.

        Only the first of them was waited for; the others came with it, after gaps of 0. So a request of N tokens
        counts N - 1 gaps whose sum is the time from its first token to its last, however the tokens were batched:
        sum / count is the mean time per output token. A percentile is per token, not per write: where 10 tokens
        come at a time, nine gaps of ten are 0 and the wait between writes is what p95 and p99 show. The tokens that
        came with a request's very first one are `gaps(0.0, count)`.
        """
        gaps = self._gaps
        counts = gaps.counts
        counts[bisect_left(BOUNDS, seconds)] += 1
        counts[0] += count - 1
        gaps.sum += seconds

    def refused(self, outcome: Outcome) -> None:
        """A request ended before anything was generated, or needed nothing generated."""
        self._requests[self._route[0], outcome, self._model[0]] += 1

    def finished(
        self,
        outcome: Outcome,
        e2e_seconds: float,
        prompt_tokens: int,
        completion_tokens: int,
        cached_tokens: int,
        queued_seconds: float | None,
    ) -> None:
        """A request that was `started` is over. `cached_tokens` are the prompt tokens from the prefix cache."""
        self._in_flight[self._route] -= 1
        self.refused(outcome)
        self._e2e.observe(e2e_seconds)
        if queued_seconds is not None:
            self._queued.observe(queued_seconds)
        tokens = (prompt_tokens, completion_tokens, cached_tokens)
        for family, count in zip(self._telemetry.token_families, tokens, strict=True):
            family.values[self._model] += count


class Telemetry:
    """All metrics of one gateway. `clock` is monotonic, in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._served: frozenset[str] = frozenset()
        self._recorders: dict[tuple[str, str], Recorder] = {}
        self._lag_maximum = RecentMaximum(LAG_WINDOW_SECONDS)
        self._make_request_families()
        self._make_process_families()
        self._make_supervision_families()
        self._registry = self._register()
        self._observe_lag = self.loop_lag.child().observe
        self.in_flight.values.update({(route,): 0.0 for route in ROUTES})
        self.set_phase(Phase.STARTING)

    def _make_request_families(self) -> None:
        counter, gauge = CounterMetricFamily, GaugeMetricFamily
        self.requests = Values(
            counter, "tidegate_requests_total", "Requests that are over.", "route", "outcome", "model"
        )
        self.in_flight = Values(gauge, "tidegate_requests_in_flight", "Requests being generated.", "route")
        self.prompt_tokens = Values(counter, "tidegate_prompt_tokens_total", "Tokens in prompts.", "model")
        self.generation_tokens = Values(counter, "tidegate_generation_tokens_total", "Tokens generated.", "model")
        self.cached_prompt_tokens = Values(
            counter, "tidegate_cached_prompt_tokens_total", "Prompt tokens that the prefix cache supplied.", "model"
        )
        self.time_to_first_token = Histograms(
            "tidegate_time_to_first_token_seconds",
            "Request received to first token sent, of streams.",
            "route",
            "model",
        )
        self.inter_token_latency = Histograms(
            "tidegate_inter_token_latency_seconds", "Gap before each token after the first, of streams.", "model"
        )
        self.e2e_latency = Histograms(
            "tidegate_e2e_request_latency_seconds", "Request received to its end.", "route", "model"
        )
        self.queue_time = Histograms("tidegate_queue_time_seconds", "Time spent waiting for the engine.", "model")

    @property
    def token_families(self) -> tuple[Values, Values, Values]:
        """Counters of tokens: in prompts, generated, and of the prompts' those that were cached."""
        return self.prompt_tokens, self.generation_tokens, self.cached_prompt_tokens

    def _make_process_families(self) -> None:
        gauge = GaugeMetricFamily
        self.phase = Values(gauge, "tidegate_engine_phase", "1 for the phase that the engine is in.", "phase")
        self.build = Values(gauge, "tidegate_build_info", "Versions, as labels.", "version", "engine")
        self.loop_lag = Histograms("tidegate_event_loop_lag_seconds", "How late the event loop ran.")
        self.lag_maximum = Values(
            gauge, "tidegate_event_loop_lag_max_seconds", "The event loop's worst lag of the last minute."
        )

    def _make_supervision_families(self) -> None:
        counter = CounterMetricFamily
        self.deaths = Values(counter, "tidegate_engine_deaths_total", "Engines that died or were given up.", "kind")
        self.recoveries = Histograms(
            "tidegate_engine_recovery_seconds", "Death of an engine to the next one being ready."
        )
        self.resumed = Values(counter, "tidegate_streams_resumed_total", "Streams that went on in a new engine.")
        self.lost = Values(
            counter, "tidegate_streams_lost_total", "Streams that ended because their engine had died.", "code"
        )
        self.deaths.values.update({(kind,): 0.0 for kind in ("died", "hung", "start")})
        self.resumed.values[()] = 0.0
        self.recoveries.child()

    def engine_died(self, kind: str) -> None:
        """An engine has died, has been given up, or did not start."""
        self.deaths.values[(kind,)] += 1

    def engine_recovered(self, seconds: float) -> None:
        """It is back, so long after its death."""
        self.recoveries.child().observe(seconds)

    def stream_resumed(self) -> None:
        """A stream goes on in the new engine."""
        self.resumed.values[()] += 1

    def stream_lost(self, code: str) -> None:
        """A stream ended with this error code because its engine had died."""
        self.lost.values[(code,)] = self.lost.values.get((code,), 0.0) + 1

    def _register(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        for family in vars(self).values():
            if isinstance(family, Histograms | Values):
                registry.register(family)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        return registry

    def serve(self, info: EngineInfo) -> None:
        """From now on these are the served models, each with all its series, and this is the engine."""
        models = (*info.served_model_names, *info.adapters)
        self._served = frozenset(models)
        self.build.values = {(_own_version(), info.version): 1.0}
        for model in models:
            for route in ("embeddings",) if info.task == "embed" else GENERATING:
                self.recorder(route, model)

    def recorder(self, route: Route, model: str) -> Recorder:
        """The recorder of a route and model, always the same one; of "other" for a model that is not served."""
        label = model if model in self._served else OTHER
        recorder = self._recorders.get((route, label))
        if recorder is None:
            recorder = self._recorders[route, label] = Recorder(self, route, label)
        return recorder

    def set_phase(self, phase: Phase) -> None:
        """The phase that the engine is in."""
        self.phase.values = {(each.value,): float(each is phase) for each in Phase}

    def observe_loop_lag(self, seconds: float) -> None:
        """The event loop ran something this much later than it was due."""
        self._observe_lag(seconds)
        self._lag_maximum.add(seconds, self._clock())

    @property
    def loop_lag_max_seconds(self) -> float:
        """The worst lag of the last 60 to 70 s."""
        return self._lag_maximum.value(self._clock())

    def render(self, engine_series: bytes) -> bytes:
        """Our series, then the engine's, which must hold none of ours; text format 0.0.4, ends with a newline."""
        self.lag_maximum.values[()] = self.loop_lag_max_seconds
        ours = generate_latest(self._registry)
        end = b"" if engine_series.endswith(b"\n") or not engine_series else b"\n"
        return ours + engine_series + end


def _own_version() -> str:
    try:
        return version("tidegate")
    except PackageNotFoundError:
        return "unknown"  # run from a source tree that was never installed

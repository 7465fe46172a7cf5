"""vLLM's steps, for a `StepClock`. Imports vLLM."""

from collections.abc import Callable

from vllm.config import VllmConfig
from vllm.v1.metrics.loggers import StatLoggerBase
from vllm.v1.metrics.stats import IterationStats, MultiModalCacheStats, SchedulerStats

from service.engine.step_clock import StepClock


class _StepLogger(StatLoggerBase):
    """vLLM tells its loggers of every step of the scheduler, those included that gave nobody a token."""

    def __init__(self, clock: StepClock) -> None:
        self._clock = clock

    def record(
        self,
        scheduler_stats: SchedulerStats | None,
        iteration_stats: IterationStats | None,
        mm_cache_stats: MultiModalCacheStats | None = None,
        engine_idx: int = 0,
    ) -> None:
        # Outputs without the scheduler's figures are no step: requests that were aborted, for example.
        if scheduler_stats is not None:
            self._clock.step_ended(more=scheduler_stats.num_running_reqs + scheduler_stats.num_waiting_reqs > 0)

    def log_engine_initialized(self) -> None:
        """Nothing to say."""


def step_logger(clock: StepClock) -> Callable[[VllmConfig, int], StatLoggerBase]:
    """What vLLM makes its loggers with, one for each engine core."""
    return lambda config, engine_index: _StepLogger(clock)

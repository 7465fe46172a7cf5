"""Which engine the settings ask for. The only place that maps settings to an implementation."""

from service.engine.base import Engine
from service.engine.simulated import SimulatedEngine
from service.engine.supervision.observer import Observer
from service.settings import EngineSettings, Settings, SimulationSettings


def build_engine(settings: Settings, observer: Observer) -> Engine:
    """The engine that the service runs: in a process of its own, and restarted when it dies there.

    With `engine.in_process`, for debugging, it is neither. `observer` counts deaths and what becomes of the streams.
    """
    if settings.engine.in_process:
        return build_in_process(settings.engine, settings.simulation, otlp_endpoint=settings.tracing.otlp_endpoint)
    from service.engine.hosted import host_engine
    from service.engine.supervision import SupervisedEngine

    return SupervisedEngine(lambda: host_engine(settings), settings.supervision, observer)


def build_in_process(engine: EngineSettings, simulation: SimulationSettings, *, otlp_endpoint: str | None) -> Engine:
    """The bare engine, for this process. vLLM is imported by `VllmEngine.start`, not here."""
    if engine.kind == "simulated":
        return SimulatedEngine(engine, simulation)
    from service.engine.vllm import VllmEngine

    return VllmEngine(engine, otlp_endpoint=otlp_endpoint)

"""The simulated engine, bare and hosted, keeps the contract."""

from collections.abc import AsyncIterator

import pytest

from service.engine.base import Engine
from service.engine.factory import build_engine
from service.engine.info import EngineInfo
from service.settings import EngineSettings, Settings, SimulationSettings
from service.telemetry import Telemetry
from tests.engine.contract import EmbeddingContract, EngineContract
from tests.engine.image_contract import ImageContract
from tests.engine.resume_contract import ResumeContract


def settings(*, in_process: bool) -> Settings:
    """A simulated engine with a little time between tokens, so that there is something to abort."""
    engine = EngineSettings(kind="simulated", in_process=in_process)
    return Settings(engine=engine, simulation=SimulationSettings(itl_seconds=0.001))


class TestSimulatedEngine(EngineContract, ResumeContract):
    """In the test's own process."""

    @pytest.fixture
    async def engine(self) -> AsyncIterator[Engine]:
        running = build_engine(settings(in_process=True), Telemetry())
        await running.start(lambda health: None)
        yield running
        await running.aclose()


class TestHostedSimulatedEngine(EngineContract, ResumeContract):
    """In a process of its own, as the service runs it."""

    @pytest.fixture
    async def engine(self) -> AsyncIterator[Engine]:
        running = build_engine(settings(in_process=False), Telemetry())
        await running.start(lambda health: None)
        yield running
        await running.aclose()


class TestSimulatedEmbedder(EmbeddingContract):
    """As an engine of embeddings, in a process of its own."""

    @pytest.fixture
    async def embedder(self) -> AsyncIterator[Engine]:
        engine = EngineSettings(kind="simulated", extra={"runner": "pooling"})
        running = build_engine(Settings(engine=engine, simulation=SimulationSettings(ttft_seconds=0.2)), Telemetry())
        self.started = await running.start(lambda health: None)
        yield running
        await running.aclose()

    @pytest.fixture
    def info(self, embedder: Engine) -> EngineInfo:
        return self.started


class TestSimulatedEngineWithImages(ImageContract):
    """In a process of its own."""

    @pytest.fixture
    async def seeing(self) -> AsyncIterator[Engine]:
        chosen = settings(in_process=False)
        simulation = chosen.simulation.model_copy(update={"modalities": ["text", "image"]})
        running = build_engine(chosen.model_copy(update={"simulation": simulation}), Telemetry())
        self.started = await running.start(lambda health: None)
        yield running
        await running.aclose()

    @pytest.fixture
    def info(self, seeing: Engine) -> EngineInfo:
        return self.started

"""vLLM as an engine of embeddings, in a process of its own, keeps the contract of embeddings."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from service.engine.base import Engine
from service.engine.factory import build_engine
from service.engine.info import EngineInfo
from service.settings import EngineSettings, Settings
from service.telemetry import Telemetry
from tests.engine.contract import EmbeddingContract

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[tuple[Engine, EngineInfo]]:
    engine = build_engine(Settings(engine=EngineSettings(extra={"runner": "pooling", "convert": "embed"})), Telemetry())
    info = await engine.start(lambda health: None)
    yield engine, info
    await engine.aclose()


@pytest.fixture
def embedder(started: tuple[Engine, EngineInfo]) -> Engine:
    return started[0]


@pytest.fixture
def info(started: tuple[Engine, EngineInfo]) -> EngineInfo:
    return started[1]


class TestVllmEmbedder(EmbeddingContract):
    """See the contract."""

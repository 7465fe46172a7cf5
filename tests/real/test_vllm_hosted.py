"""vLLM in a process of its own, as the service runs it, keeps the engine contract."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from service.engine.base import Engine
from service.engine.factory import build_engine
from service.settings import EngineSettings, Settings
from service.telemetry import Telemetry
from tests.engine.contract import EngineContract

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
    # torch uses its own deprecated interfaces when it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    running = build_engine(Settings(engine=EngineSettings(in_process=False)), Telemetry())
    await running.start(lambda health: None)
    yield running
    await running.aclose()


class TestHostedVllmEngine(EngineContract):
    """See the contract."""

"""Adapters come and go at run time, in the test's own process and in the engine's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.engine.base import Engine
from service.engine.factory import build_engine
from service.engine.prompts import Prompt
from service.engine.requests import GenerationRequest, Sampling
from service.errors import InvalidRequestError, ModelNotFoundError
from service.settings import EngineSettings, Settings
from service.telemetry import Telemetry


@pytest.fixture(params=[True, False], ids=["in-process", "hosted"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """A simulated engine with the adapter `law`."""
    adapters = {"law": "/adapters/law"}
    settings = EngineSettings(kind="simulated", in_process=request.param, lora_adapters=adapters)
    running = build_engine(Settings(engine=settings), Telemetry())
    info = await running.start(lambda health: None)
    assert info.adapters == ("law",)
    yield running
    await running.aclose()


async def say(engine: Engine, adapter: str | None) -> str:
    """The first token."""
    request = GenerationRequest(id="x", prompt=Prompt(token_ids=[1]), sampling=Sampling(max_tokens=1), adapter=adapter)
    return "".join([delta.text async for ready in engine.generate(request) for delta in ready])


async def test_each_adapter_answers_for_itself(engine: Engine, tmp_path: Path) -> None:
    assert await engine.load_adapter("poems", str(tmp_path)) == ("law", "poems")
    assert [await say(engine, name) for name in (None, "law", "poems")] == ["The", "[law] The", "[poems] The"]


async def test_an_adapter_that_cannot_be_loaded_is_refused_and_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError):
        await engine.load_adapter("poems", str(tmp_path / "nowhere"))
    assert await engine.unload_adapter("law") == ()


async def test_an_unloaded_adapter_is_unknown(engine: Engine) -> None:
    assert await engine.unload_adapter("law") == ()
    with pytest.raises(ModelNotFoundError):
        await say(engine, "law")
    with pytest.raises(ModelNotFoundError):
        await engine.unload_adapter("law")
    assert await say(engine, None) == "The"

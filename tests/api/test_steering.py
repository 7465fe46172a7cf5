"""What a caller cannot steer: the engine's ids, priorities and ranks, and where the service connects to."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from service.engine.requests import GenerationRequest
from service.engine.simulated import SimulatedEngine
from service.engine.stream import BufferedStream
from tests.api.live import MODEL, LiveApp, live_app, settings
from tests.bad_input.identity import STEERING
from tests.bad_input.trap import trap, walk_into

CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "seed": 7}
COMPLETION = {"model": MODEL, "prompt": "Hi", "seed": 7}
ROUTES = [("/v1/chat/completions", CHAT), ("/v1/completions", COMPLETION)]


class RecordingEngine(SimulatedEngine):
    """Keeps what it was asked."""

    asked: list[GenerationRequest]

    def generate(self, request: GenerationRequest) -> BufferedStream:
        self.asked.append(request)
        return super().generate(request)


@pytest.fixture
async def app() -> AsyncIterator[LiveApp]:
    """A ready service whose engine keeps what it was asked."""
    chosen = settings()
    engine = RecordingEngine(chosen.engine, chosen.simulation)
    engine.asked = []
    async with live_app(chosen, engine=engine) as running:
        yield running


async def asked(app: LiveApp, path: str, body: Mapping[str, Any], headers: dict[str, str]) -> GenerationRequest:
    """What the engine was asked for this request."""
    async with app.http() as client:
        response = await client.post(path, json=body, headers=headers)
    assert response.status_code == 200
    assert isinstance(app.engine, RecordingEngine)
    return app.engine.asked.pop()


@pytest.mark.parametrize(("path", "body"), ROUTES)
@pytest.mark.parametrize("header", STEERING)
async def test_a_header_that_steers_vllm_reaches_nothing(
    app: LiveApp, path: str, body: Mapping[str, Any], header: str
) -> None:
    plain = await asked(app, path, body, {})
    steered = await asked(app, path, body, {header: STEERING[header], header.upper(): STEERING[header]})
    assert msgspec.structs.replace(steered, id=plain.id) == plain
    assert STEERING[header].encode() not in msgspec.msgpack.encode(steered)


async def test_the_engines_ids_are_ours_and_new_each_time_though_the_callers_is_answered(app: LiveApp) -> None:
    ids = {(await asked(app, *ROUTES[0], {"x-request-id": "the-same"})).id for _ in range(3)}
    assert len(ids) == 3 and not any("the-same" in each for each in ids)


async def test_nobody_is_called_whose_address_stands_in_a_request(app: LiveApp) -> None:
    async with trap() as waiting:
        thrown = await walk_into(app.port, MODEL, waiting)
    assert [each.line for each in thrown if each.faults] == []
    assert waiting.calls == 0

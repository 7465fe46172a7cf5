"""POST /tokenize and POST /detokenize, in vLLM's wire format."""

from typing import Any

import httpx
import pytest

from service.api.tokenization import BYTES_A_TOKEN, LEAST_CAP_BYTES, cap_bytes
from service.engine.base import Health, Phase
from service.engine.prompts import Prompt, Renderable
from service.engine.simulated import SimulatedEngine
from tests.api.live import MODEL, LiveApp, live_app, settings

CHAT = [{"role": "user", "content": "Hi"}]


async def post(app: LiveApp, path: str, **body: Any) -> httpx.Response:
    async with app.http() as client:
        return await client.post(path, json=body)


async def test_a_text_is_counted_and_tokenised(app: LiveApp) -> None:
    answer = await post(app, "/tokenize", model=MODEL, prompt="Once")
    assert answer.json() == {"count": 4, "max_model_len": 8192, "tokens": [79, 110, 99, 101], "token_strs": None}


async def test_tokens_come_with_their_strings_if_wanted(app: LiveApp) -> None:
    answer = await post(app, "/tokenize", model=MODEL, prompt="Once", return_token_strs=True)
    assert answer.json()["token_strs"] == ["O", "n", "c", "e"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "user: Hi\nassistant: "),
        ({"add_generation_prompt": False}, "user: Hi\n"),
        ({"continue_final_message": True}, "user: Hi\n"),
    ],
)
async def test_a_conversation_is_tokenised_as_it_would_be_read(app: LiveApp, fields: dict[str, Any], text: str) -> None:
    tokens = (await post(app, "/tokenize", model=MODEL, messages=CHAT, **fields)).json()["tokens"]
    assert (await post(app, "/detokenize", model=MODEL, tokens=tokens)).json() == {"prompt": text}


async def test_a_text_longer_than_the_context_is_counted(app: LiveApp) -> None:
    assert (await post(app, "/tokenize", prompt="x" * 9000)).json()["count"] == 9000


class CountingEngine(SimulatedEngine):
    """Counts how often it is asked to tokenise."""

    renders = 0

    async def render(self, prompt: Renderable) -> list[Prompt]:
        self.renders += 1
        return await super().render(prompt)


def body_of(size: int) -> bytes:
    """A body of so many bytes, each of whose characters would be a token."""
    head, tail = b'{"prompt":"', b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


@pytest.mark.parametrize(("over", "status", "renders"), [(0, 200, 1), (1, 413, 0)])
async def test_a_text_that_is_far_too_long_is_refused_before_anything_is_done_with_it(
    over: int, status: int, renders: int
) -> None:
    chosen = settings()
    engine = CountingEngine(chosen.engine, chosen.simulation)
    async with live_app(chosen, engine=engine) as app, app.http() as client:
        body, headers = body_of(cap_bytes(app.lifecycle.info) + over), {"content-type": "application/json"}
        answer = await client.post("/tokenize", content=body, headers=headers)
    assert (answer.status_code, engine.renders) == (status, renders)


async def test_the_cap_grows_with_the_models_context() -> None:
    async with live_app(settings(context_tokens=1_000_000)) as app:
        assert cap_bytes(app.lifecycle.info) == 1_000_000 * BYTES_A_TOKEN
        assert cap_bytes(None) == LEAST_CAP_BYTES


async def test_the_model_may_be_left_out_but_must_exist(app: LiveApp) -> None:
    assert (await post(app, "/tokenize", prompt="Once")).status_code == 200
    refused = await post(app, "/detokenize", model="none", tokens=[1])
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_token_outside_the_vocabulary_is_refused(app: LiveApp) -> None:
    refused = await post(app, "/detokenize", tokens=[1, 70_000])
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tokens")


async def test_nothing_is_tokenised_before_the_engine_is_ready() -> None:
    async with live_app(settings(), start=False) as app:
        app.lifecycle.report(Health(Phase.LOADING_WEIGHTS, 0.5))
        refused = await post(app, "/tokenize", prompt="Once")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_unavailable")


async def test_requests_are_counted_under_their_routes(app: LiveApp) -> None:
    assert app.lifecycle.info is not None
    app.telemetry.serve(app.lifecycle.info)
    await post(app, "/tokenize", prompt="Once")
    await post(app, "/detokenize", tokens=[])
    for route in ("tokenize", "detokenize"):
        assert app.telemetry.requests.values[route, "ok", MODEL] == 1
    assert app.lifecycle.in_flight == 0

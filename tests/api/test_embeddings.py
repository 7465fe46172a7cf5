"""POST /v1/embeddings, judged by the official client."""

import asyncio
import math
from typing import Any

import httpx
import openai
import pytest

from tests.api.live import MODEL, LiveApp, embedding_settings, live_app

CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}


async def post(app: LiveApp, path: str = "/v1/embeddings", **body: Any) -> httpx.Response:
    async with app.http() as client:
        return await client.post(path, json={"model": MODEL, **body})


async def test_a_text_becomes_a_vector_of_length_one(embedding_app: LiveApp) -> None:
    answer = await embedding_app.client.embeddings.create(model=MODEL, input="Once")
    assert (answer.object, answer.model, answer.data[0].object) == ("list", MODEL, "embedding")
    assert len(answer.data[0].embedding) == 64
    assert math.hypot(*answer.data[0].embedding) == pytest.approx(1, abs=1e-6)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (4, 4)


async def test_both_encodings_hold_the_same_numbers(embedding_app: LiveApp) -> None:
    # The official client asks for base64 unless it is told otherwise, and decodes it.
    packed = await embedding_app.client.embeddings.create(model=MODEL, input="Once")
    plain = await embedding_app.client.embeddings.create(model=MODEL, input="Once", encoding_format="float")
    assert packed.data[0].embedding == plain.data[0].embedding
    assert isinstance((await post(embedding_app, input="Once")).json()["data"][0]["embedding"], list)


async def test_vectors_keep_the_order_of_their_inputs(embedding_app: LiveApp) -> None:
    texts = [f"text {number}" for number in range(100)]
    together = await embedding_app.client.embeddings.create(model=MODEL, input=texts)
    alone = await embedding_app.client.embeddings.create(model=MODEL, input=texts[70])
    assert [each.index for each in together.data] == list(range(100))
    assert together.data[70].embedding == alone.data[0].embedding
    assert together.usage.prompt_tokens == sum(map(len, texts))


async def test_token_ids_give_the_vector_of_their_text(embedding_app: LiveApp) -> None:
    inputs: list[Any] = [["Once", "Up"], [list(b"Once"), list(b"Up")], list(b"Once")]
    text, ids, single = [await embedding_app.client.embeddings.create(model=MODEL, input=each) for each in inputs]
    assert [each.embedding for each in text.data] == [each.embedding for each in ids.data]
    assert single.data[0].embedding == text.data[0].embedding


async def test_an_input_beyond_the_context_is_refused_with_both_figures(embedding_app: LiveApp) -> None:
    error = (await post(embedding_app, input=["short", "x" * 8193])).json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", "input[1]")
    assert "8192" in error["message"] and "8193" in error["message"]
    assert (await post(embedding_app, input="x" * 8192)).status_code == 200


async def test_a_token_outside_the_vocabulary_is_refused(embedding_app: LiveApp) -> None:
    refused = await post(embedding_app, input=[1, 70_000])
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input")


@pytest.mark.parametrize(("dimensions", "status"), [(64, 200), (16, 400)])
async def test_vectors_are_not_shortened_unless_the_model_allows_it(
    embedding_app: LiveApp, dimensions: int, status: int
) -> None:
    assert (await post(embedding_app, input="Once", dimensions=dimensions)).status_code == status


async def test_a_matryoshka_model_gives_fewer_dimensions() -> None:
    async with live_app(embedding_settings(matryoshka=True)) as app:
        answer = await app.client.embeddings.create(model=MODEL, input="Once", dimensions=16)
        refused = await post(app, input="Once", dimensions=65)
    assert len(answer.data[0].embedding) == 16
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "dimensions")


@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", CHAT), ("/v1/completions", {"prompt": "Once"})])
async def test_an_engine_of_embeddings_generates_nothing(
    embedding_app: LiveApp, path: str, body: dict[str, Any]
) -> None:
    refused = await post(embedding_app, path, **body)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "unsupported_value", "model")
    assert "/v1/embeddings" in error["message"]


async def test_an_engine_that_generates_gives_no_embeddings(app: LiveApp) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await app.client.embeddings.create(model=MODEL, input="Once")
    assert (refused.value.code, refused.value.param) == ("unsupported_value", "model")


async def test_a_client_that_leaves_takes_its_inputs_out_of_the_engine() -> None:
    async with live_app(embedding_settings(ttft_seconds=30)) as app:
        asking = asyncio.create_task(post(app, input=["Once", "Twice"]))
        while b'vllm:num_requests_running{model_name="sim"} 2.0' not in await app.engine.metrics():
            await asyncio.sleep(0.01)
        asking.cancel()
        async with asyncio.timeout(5):
            await app.lifecycle.idle()
        assert b'vllm:num_requests_running{model_name="sim"} 0.0' in await app.engine.metrics()


async def test_an_engine_that_dies_meanwhile_gives_a_503_and_releases_its_place() -> None:
    async with live_app(embedding_settings(ttft_seconds=0.2)) as app:
        asking = asyncio.create_task(post(app, input=["Once", "Twice"]))
        while not app.lifecycle.in_flight:
            await asyncio.sleep(0.01)
        await app.engine.aclose()
        assert (await asking).status_code == 503
        assert app.lifecycle.in_flight == 0


async def test_embeddings_are_counted_under_their_route(embedding_app: LiveApp) -> None:
    assert embedding_app.lifecycle.info is not None
    embedding_app.telemetry.serve(embedding_app.lifecycle.info)
    await post(embedding_app, input="Once")
    telemetry = embedding_app.telemetry
    assert telemetry.requests.values["embeddings", "ok", MODEL] == 1
    assert telemetry.prompt_tokens.values[MODEL,] == 4
    assert telemetry.in_flight.values["embeddings",] == 0

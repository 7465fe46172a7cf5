"""LoRA adapters are models of their own to whoever asks."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import openai
import pytest

from service.engine.prompts import Prompt, Renderable
from service.engine.simulated import SimulatedEngine
from service.settings import Settings
from tests.api.live import MODEL, LiveApp, embedding_settings, live_app, settings

MESSAGES = [{"role": "user", "content": "Tell me of the tide."}]


def with_adapters(chosen: Settings, *names: str) -> Settings:
    """The same settings with adapters of these names."""
    engine = chosen.engine.model_copy(update={"lora_adapters": dict.fromkeys(names, "/adapters")})
    return chosen.model_copy(update={"engine": engine})


@pytest.fixture
async def app() -> AsyncIterator[LiveApp]:
    """A ready service with two adapters."""
    async with live_app(with_adapters(settings(text="The tide comes in."), "law", "poems/v2")) as running:
        yield running


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (MODEL, "The tide comes in."),
        ("law", "[law] The tide comes in."),
        ("poems/v2", "[poems/v2] The tide comes in."),
    ],
)
async def test_the_model_asked_for_is_the_adapter_that_answers(app: LiveApp, model: str, text: str) -> None:
    answer = await app.client.chat.completions.create(model=model, messages=MESSAGES)
    assert (answer.choices[0].message.content, answer.model) == (text, model)
    completion = await app.client.completions.create(model=model, prompt="Tide")
    assert completion.choices[0].text == text


async def test_adapters_are_listed_with_their_parent(app: LiveApp) -> None:
    listed = [model.to_dict() async for model in app.client.models.list()]
    assert [(each["id"], each["parent"]) for each in listed] == [(MODEL, None), ("law", MODEL), ("poems/v2", MODEL)]
    assert (await app.client.models.retrieve("poems/v2")).to_dict()["root"] == MODEL


async def test_an_adapter_that_is_not_served_is_not_found(app: LiveApp) -> None:
    with pytest.raises(openai.NotFoundError):
        await app.client.chat.completions.create(model="poems", messages=MESSAGES)


async def test_metrics_name_adapters_and_nothing_else(app: LiveApp) -> None:
    await app.client.completions.create(model="law", prompt="Tide")
    with pytest.raises(openai.NotFoundError):
        await app.client.completions.create(model="secret-name", prompt="Tide")
    series = app.telemetry.render(b"").decode()
    assert 'tidegate_generation_tokens_total{model="law"} 4.0' in series
    assert "secret-name" not in series


class UnloadingWhileRendering(SimulatedEngine):
    """Takes so long over a prompt that an operator unloads the adapter meanwhile."""

    def __init__(self, chosen: Settings) -> None:
        super().__init__(chosen.engine, chosen.simulation)
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def render(self, prompt: Renderable) -> list[Prompt]:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await super().render(prompt)


async def test_an_adapter_unloaded_while_its_prompt_is_read_does_not_become_the_base_model() -> None:
    chosen = with_adapters(settings(), "law")
    engine = UnloadingWhileRendering(chosen)
    async with live_app(chosen, engine=engine) as app, httpx.AsyncClient(base_url=app.management_url) as operator:
        engine.meanwhile = lambda: operator.post("/v1/unload_lora_adapter", json={"lora_name": "law"})
        with pytest.raises(openai.NotFoundError) as refused:
            await app.client.completions.create(model="law", prompt="Tide")
        assert refused.value.code == "model_not_found"


async def test_an_adapter_gives_no_embeddings_of_the_base_model() -> None:
    async with live_app(with_adapters(embedding_settings(), "law")) as app:
        with pytest.raises(openai.BadRequestError, match="adapters give no embeddings"):
            await app.client.embeddings.create(model="law", input="Tide")

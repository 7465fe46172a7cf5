"""Adapters are loaded and unloaded over the management listener, and only from the operator's folder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest

from service.settings import Settings
from tests.api.live import MODEL, LiveApp, live_app, settings
from tests.peft_folder import tiny_adapter

MESSAGES = [{"role": "user", "content": "Tell me of the tide."}]


def with_folder(chosen: Settings, folder: Path) -> Settings:
    """The same settings with a folder of adapters."""
    return chosen.model_copy(update={"engine": chosen.engine.model_copy(update={"lora_folder": str(folder)})})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of adapters that holds `law` and, beside it, an adapter that must not be reached."""
    tiny_adapter(tmp_path / "outside")
    return tiny_adapter(tmp_path / "adapters" / "law").parent


@pytest.fixture
async def app(folder: Path) -> AsyncIterator[LiveApp]:
    """A ready service with 5 ms between tokens."""
    async with live_app(with_folder(settings(text="The tide comes in.", itl_seconds=0.005), folder)) as running:
        yield running


async def post(app: LiveApp, action: str, body: object) -> httpx.Response:
    """Ask the management listener."""
    async with httpx.AsyncClient(base_url=app.management_url, timeout=10) as client:
        return await client.post(f"/v1/{action}_lora_adapter", json=body)


async def load(app: LiveApp, name: str, path: str) -> httpx.Response:
    """Load an adapter."""
    return await post(app, "load", {"lora_name": name, "lora_path": path})


async def unload(app: LiveApp, name: str) -> httpx.Response:
    """Unload an adapter."""
    return await post(app, "unload", {"lora_name": name})


async def served(app: LiveApp) -> list[str]:
    """The names that are listed."""
    return [model.id async for model in app.client.models.list()]


async def test_a_loaded_adapter_answers_until_it_is_unloaded(app: LiveApp, folder: Path) -> None:
    for path in ("law", str(folder / "law"), "./law/"):
        assert (await load(app, "law", path)).status_code == 200
        assert await served(app) == [MODEL, "law"]
        answer = await app.client.chat.completions.create(model="law", messages=MESSAGES)
        assert answer.choices[0].message.content == "[law] The tide comes in."
        assert (await unload(app, "law")).json() == {"id": "law", "object": "model", "deleted": True}
        assert await served(app) == [MODEL]
        with pytest.raises(openai.NotFoundError):
            await app.client.chat.completions.create(model="law", messages=MESSAGES)


async def test_what_an_unloaded_adapter_is_answering_finishes(app: LiveApp) -> None:
    await load(app, "law", "law")
    stream = await app.client.chat.completions.create(model="law", messages=MESSAGES, stream=True)
    first = await anext(stream)
    assert (await unload(app, "law")).status_code == 200
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert (first.choices[0].delta.content or "") + text == "[law] The tide comes in."


@pytest.mark.parametrize("path", ["../outside", "/etc", "law/../../outside", ".", "", "link", "linked-file", "a\0b"])
async def test_nothing_outside_the_folder_is_loaded(app: LiveApp, folder: Path, path: str) -> None:
    (folder / "link").symlink_to(folder.parent / "outside")
    tiny_adapter(folder / "linked-file")
    (folder / "linked-file" / "adapter_model.safetensors").unlink()
    (folder / "linked-file" / "adapter_model.safetensors").symlink_to(
        folder.parent / "outside" / "adapter_model.safetensors"
    )
    answer = await load(app, "law", path)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "lora_path")
    assert await served(app) == [MODEL]


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("law", "law", "adapter_already_loaded"),
        (MODEL, "law", "invalid_value"),
        ("a b", "law", "invalid_value"),
        ("new", "nowhere", "invalid_adapter"),
        ("new", "damaged", "invalid_adapter"),
        ("new", "pickled", "invalid_adapter"),
    ],
)
async def test_what_cannot_be_loaded_is_refused(app: LiveApp, folder: Path, name: str, path: str, code: str) -> None:
    (tiny_adapter(folder / "damaged") / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    pickled = tiny_adapter(folder / "pickled")
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    await load(app, "law", "law")
    answer = await load(app, name, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert await served(app) == [MODEL, "law"]


async def test_unloading_what_is_not_loaded_is_404(app: LiveApp) -> None:
    for name in ("law", MODEL):
        assert (await unload(app, name)).status_code == 404


async def test_of_two_loads_at_once_under_one_name_one_counts(app: LiveApp) -> None:
    answers = await asyncio.gather(*(load(app, "law", "law") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_the_public_listener_has_no_such_routes(app: LiveApp) -> None:
    async with app.http() as public:
        for action in ("load", "unload"):
            answer = await public.post(f"/v1/{action}_lora_adapter", json={"lora_name": "law", "lora_path": "law"})
            assert answer.status_code == 404


async def test_without_a_folder_the_answer_names_the_setting() -> None:
    async with live_app(settings()) as app:
        answer = await load(app, "law", "law")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "lora_folder_not_set")
    assert "engine.lora_folder" in answer.json()["error"]["message"]


async def test_before_the_engine_is_ready_nothing_is_loaded(folder: Path) -> None:
    async with live_app(with_folder(settings(), folder), start=False) as app:
        assert (await load(app, "law", "law")).status_code == 503


@pytest.mark.parametrize("body", [{}, [], {"lora_name": "x"}, {"lora_name": "x", "lora_path": "y", "load_inplace": 1}])
async def test_a_body_that_is_none_is_refused(app: LiveApp, body: object) -> None:
    assert (await post(app, "load", body)).status_code == 400

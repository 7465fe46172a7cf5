"""Real PEFT adapters on the bundled model, one service for all: in the settings, and loaded while it runs."""

import concurrent.futures
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest

from service.models import bundled
from service.models.bundled import BUNDLED as MODEL
from tests.peft_folder import bundled_adapter
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@dataclass
class Lora:
    """A running service with the adapter `tuned`, and a folder for further ones."""

    service: ServiceProcess
    folder: Path

    def say(self, model: str) -> str:
        """The greedy answer to one question."""
        client = openai.OpenAI(base_url=self.service.url + "/v1", api_key="none", max_retries=0, timeout=60)
        answer = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=24)
        return answer.choices[0].message.content or ""

    def ask_operator(self, action: str, **body: str) -> httpx.Response:
        """Load or unload over the management listener."""
        return httpx.post(f"{self.service.management_url}/v1/{action}_lora_adapter", json=body, timeout=60)

    def load(self, name: str, path: str) -> httpx.Response:
        """Load an adapter from the folder."""
        return self.ask_operator("load", lora_name=name, lora_path=path)

    def models(self) -> dict[str, str | None]:
        """What is listed, each with its parent."""
        listed = httpx.get(self.service.url + "/v1/models", timeout=10).json()["data"]
        return {each["id"]: each["parent"] for each in listed}


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lora]:
    bundled.prepare(lambda done: None)
    folder = tmp_path_factory.mktemp("adapters")
    tuned = bundled_adapter(tmp_path_factory.mktemp("tuned"), seed=1)
    with ServiceProcess(f"--lora-adapters=tuned={tuned}", f"--lora-folder={folder}", "--max-model-len=512") as service:
        yield Lora(service.wait_until_ready(), folder)


def test_an_adapter_of_the_settings_changes_what_is_said(lora: Lora) -> None:
    assert lora.models() == {MODEL: None, "tuned": MODEL}
    base = lora.say(MODEL)
    assert "Paris" in base
    assert lora.say("tuned") != base
    assert lora.say("tuned") == lora.say("tuned")
    assert lora.say(MODEL) == base


def test_the_base_model_beside_an_adapter_in_one_batch_stays_itself(lora: Lora) -> None:
    with ThreadPoolExecutor(8) as together:
        said = list(together.map(lora.say, [MODEL, "tuned"] * 4))
    assert all("Paris" in text for text in said[::2])
    assert not any("Paris" in text for text in said[1::2])


def test_an_adapter_is_loaded_and_unloaded_while_the_service_runs(lora: Lora) -> None:
    bundled_adapter(lora.folder / "second", seed=2)
    assert lora.load("second", "second").status_code == 200
    assert lora.models() == {MODEL: None, "tuned": MODEL, "second": MODEL}
    assert len({lora.say(model) for model in (MODEL, "tuned", "second")}) == 3
    assert lora.ask_operator("unload", lora_name="second").status_code == 200
    assert lora.models() == {MODEL: None, "tuned": MODEL}
    with pytest.raises(openai.NotFoundError):
        lora.say("second")


def test_an_adapter_under_a_name_used_before_is_the_new_one(lora: Lora) -> None:
    said = []
    for seed in (3, 4, 3):
        bundled_adapter(lora.folder / "again", seed=seed)
        assert lora.load("again", "again").status_code == 200
        said.append(lora.say("again"))
        lora.ask_operator("unload", lora_name="again")
    assert said[0] == said[2] != said[1]


def test_a_stream_outlives_its_adapter_and_the_adapters_files(lora: Lora) -> None:
    folder = bundled_adapter(lora.folder / "brief", seed=5)
    lora.load("brief", "brief")
    body = {"model": "brief", "messages": QUESTION, "stream": True, "max_tokens": 60, "ignore_eos": True}
    with httpx.stream("POST", lora.service.url + "/v1/chat/completions", json=body, timeout=30) as response:
        lines = response.iter_lines()
        next(lines)
        assert lora.ask_operator("unload", lora_name="brief").status_code == 200
        shutil.rmtree(folder)
        assert [line for line in lines if line][-1] == "data: [DONE]"
    assert "Paris" in lora.say(MODEL)


@pytest.mark.parametrize("damage", ["narrow", "wide", "unknown module", "half missing", "cut off", "no number"])
def test_a_bad_adapter_is_refused_and_the_engine_goes_on(lora: Lora, damage: str) -> None:
    before = lora.say(MODEL), lora.say("tuned")
    bad = lora.folder / damage.replace(" ", "-")
    bundled_adapter(bad, seed=6, **{"narrow": {"hidden": 64}, "wide": {"hidden": 640}}.get(damage, {}))
    weights, config = bad / "adapter_model.safetensors", bad / "adapter_config.json"
    match damage:
        case "unknown module":
            weights.write_bytes(weights.read_bytes().replace(b"q_proj", b"x_proj"))
        case "half missing":
            weights.write_bytes(weights.read_bytes().replace(b"lora_B", b"lora_C"))
        case "cut off":
            weights.write_bytes(weights.read_bytes()[:-1000])
        case "no number":
            config.write_text(config.read_text().replace('"lora_alpha": 16', '"lora_alpha": "x"'))
    refused = lora.load("bad", bad.name)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_adapter")
    assert (lora.say(MODEL), lora.say("tuned")) == before


def test_more_adapters_than_a_batch_takes_all_answer_and_one_too_many_is_refused(lora: Lora) -> None:
    bundled_adapter(lora.folder / "many", seed=7)
    names = [f"many-{number}" for number in range(8)]
    assert [lora.load(name, "many").status_code for name in names] == [200] * 8
    refused = lora.load("many-8", "many")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "too_many_adapters")
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert all(pool.map(lora.say, [MODEL, "tuned", *names]))
    assert {lora.ask_operator("unload", lora_name=name).status_code for name in names} == {200}
    assert lora.models() == {MODEL: None, "tuned": MODEL}

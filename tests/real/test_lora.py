"""Real PEFT adapters on the bundled model, one service for all: in the settings, and loaded while it runs."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest

from service.models import bundled
from tests.peft_folder import attention_factors, write_adapter
from tests.real.conftest import MODEL
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def bundled_adapter(folder: Path, *, seed: int, scale: float = 0.2, **changes: int) -> Path:
    """A rank-8 adapter with the shapes of the bundled model, unless `changes` says otherwise."""
    config = json.loads((bundled.location(os.environ) / "config.json").read_text())
    head = config["hidden_size"] // config["num_attention_heads"]
    shapes = {"layers": config["num_hidden_layers"], "hidden": config["hidden_size"], **changes}
    projections = {"q_proj": config["hidden_size"], "v_proj": head * config["num_key_value_heads"]}
    factors = attention_factors(projections=projections, rank=8, seed=seed, scale=scale, **shapes)
    return write_adapter(folder, factors, rank=8)


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

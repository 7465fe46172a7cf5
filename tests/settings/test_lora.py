"""Adapters in the settings: how they are written, and what of them is refused before anything is loaded."""

from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.preflight import check_before_start
from service.settings import EngineSettings, Settings
from tests.peft_folder import tiny_adapter
from tests.settings.loading import load

TWO = {"law": "/adapters/law", "poems": "hub/poems"}


def test_adapters_come_from_every_layer_of_the_settings(tmp_path: Path) -> None:
    text = "engine: {lora_adapters: {law: /adapters/law, poems: hub/poems}}"
    given = [
        load(file=tmp_path / "settings.yaml", text=text),
        load(environ={"TIDEGATE_ENGINE_LORA_ADAPTERS": "law=/adapters/law, poems=hub/poems"}),
        load("--lora-adapters", "law=/adapters/law,poems=hub/poems"),
    ]
    assert [loaded.settings.engine.lora_adapters for loaded in given] == [TWO] * 3


def test_no_text_is_no_adapter() -> None:
    assert load(environ={"TIDEGATE_ENGINE_LORA_ADAPTERS": ""}).settings.engine.lora_adapters == {}


@pytest.mark.parametrize("text", ["law", "law=", "=/adapters/law", "law=/a,law=/b"])
def test_what_is_no_pair_of_a_name_and_a_path_is_refused(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"engine\.lora_adapters is .* but must be a mapping, or name=value,name=value"
    ):
        load(f"--lora-adapters={text}")


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ({"lora_adapters": {"smollm2-135m-instruct": "ADAPTER"}}, "the model itself is served under that name"),
        ({"served_model_name": ["tide"], "lora_adapters": {"tide": "ADAPTER"}}, "served under that name"),
        ({"lora_adapters": {"a b": "ADAPTER"}}, "names an adapter 'a b'; use 1 to 128 letters"),
        ({"lora_adapters": {"law": "/nowhere"}}, "engine.lora_adapters.law is /nowhere, which is no folder"),
        ({"lora_adapters": {"law": "."}}, "a folder without an adapter_config.json"),
        ({"lora_adapters": {"law": "ADAPTER"}, "extra": {"max_lora_rank": 1}}, "has rank 2, but engine.max_lora_rank"),
        ({"lora_adapters": {"law": "ADAPTER"}, "extra": {"enable_lora": False}}, "engine.enable_lora is false"),
        ({"lora_adapters": {"law": "ADAPTER", "b": "ADAPTER"}, "extra": {"max_cpu_loras": 1}}, "max_cpu_loras is 1"),
        ({"extra": {"max_loras": "abc"}}, "engine.max_loras is 'abc', but must be a whole number of at least 1"),
        ({"extra": {"max_cpu_loras": True}}, "engine.max_cpu_loras is True"),
        ({"extra": {"max_lora_rank": 0}}, "engine.max_lora_rank is 0"),
        ({"lora_folder": "/nowhere"}, "engine.lora_folder is /nowhere, which is no folder"),
    ],
)
def test_adapters_that_cannot_work_are_refused(tmp_path: Path, engine: dict[str, object], expected: str) -> None:
    folder = str(tiny_adapter(tmp_path / "adapter", rank=2))
    if isinstance(named := engine.get("lora_adapters"), dict):
        engine = {**engine, "lora_adapters": {key: path.replace("ADAPTER", folder) for key, path in named.items()}}
    with pytest.raises(ConfigurationError) as refused:
        check_before_start(Settings(engine=EngineSettings.model_validate(engine)))
    assert expected in refused.value.message
    assert "\n" not in refused.value.message


def test_an_adapter_of_a_rank_that_vllm_does_not_know_is_refused(tmp_path: Path) -> None:
    engine = EngineSettings(lora_adapters={"law": str(tiny_adapter(tmp_path, rank=513))})
    with pytest.raises(ConfigurationError, match="rank 513, but vLLM's limit is 512; train it with a lower rank"):
        check_before_start(Settings(engine=engine))


def test_a_sound_adapter_and_one_on_the_hub_pass(tmp_path: Path) -> None:
    engine = EngineSettings(lora_adapters={"law": str(tiny_adapter(tmp_path)), "poems": "some-hub/poems"})
    check_before_start(Settings(engine=engine))

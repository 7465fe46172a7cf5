"""The tree itself: frozen, described, and what of it vLLM is given."""

import pytest
from pydantic import SecretStr, ValidationError

from service.settings import EngineSettings, Settings
from service.settings.keys import section_types


def test_every_leaf_is_described() -> None:
    for section, cls in section_types().items():
        for name, field in cls.model_fields.items():
            assert field.description, f"{section}.{name}"


def test_the_tree_is_frozen_and_closed() -> None:
    with pytest.raises(ValidationError):
        Settings().server.port = 1  # type: ignore[misc]  # what the test is about
    with pytest.raises(ValidationError):
        EngineSettings.model_validate({"modle": "x"})


def test_the_tree_itself_does_not_repeat_a_refused_value() -> None:
    with pytest.raises(ValidationError) as refused:
        EngineSettings.model_validate({"hf_token": ["hunter2"]})
    assert "hunter2" not in str(refused.value)


def test_vllm_is_given_what_was_set_and_our_defaults() -> None:
    assert EngineSettings().vllm_arguments() == {
        "model": "smollm2-135m-instruct",
        "tensor_parallel_size": 1,
        "pipeline_parallel_size": 1,
        "data_parallel_size": 1,
        "dtype": "auto",
        "gpu_memory_utilization": 0.9,
        "enable_prefix_caching": True,
        "seed": 0,
        "trust_remote_code": False,
        "load_format": "auto",
    }


def test_vllm_is_given_the_secret_itself_and_further_arguments() -> None:
    engine = EngineSettings(hf_token=SecretStr("s"), enforce_eager=False, extra={"enable_lora": True})
    given = engine.vllm_arguments()
    assert (given["hf_token"], given["enforce_eager"], given["enable_lora"]) == ("s", False, True)
    assert "extra" not in given


def test_settings_travel_to_another_process_as_plain_data() -> None:
    engine = EngineSettings(served_model_name=["a"], extra={"enable_lora": True})
    assert EngineSettings.model_validate(engine.model_dump()) == engine

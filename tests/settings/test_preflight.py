"""Settings that cannot work are refused before anything is loaded."""

import json
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import EngineSettings
from service.settings.preflight import ModelShape, check

SHAPE = ModelShape(attention_heads=9, hidden_layers=30, max_position_embeddings=8192, source="SmolLM2")


@pytest.mark.parametrize(
    ("engine", "devices", "expected"),
    [
        (
            {"tensor_parallel_size": 2},
            None,
            "engine.tensor_parallel_size is 2, but SmolLM2 has 9 attention heads, which 2 does not divide; "
            "use 1, 3 or 9",
        ),
        ({"pipeline_parallel_size": 31}, None, "only 30 layers"),
        ({"max_model_len": 8193}, None, "the context of SmolLM2 is 8192 tokens; use at most 8192"),
        ({"tensor_parallel_size": 3, "pipeline_parallel_size": 2}, 4, "needs 6 devices, but this machine has 4"),
        ({"data_parallel_size": 2}, 1, "needs 2 devices, but this machine has 1"),
        ({"model": "/nowhere/at/all"}, None, "no folder"),
        ({"model": "./nowhere"}, None, "no folder"),
        ({"model": "~nobody-at-all/x"}, None, "no folder"),
        ({"model": "service"}, None, "a folder without a config.json"),
        ({"model": "pyproject.toml"}, None, "no folder"),
    ],
)
def test_the_impossible_is_refused(engine: dict[str, object], devices: int | None, expected: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check(EngineSettings.model_validate(engine), SHAPE, devices)
    assert expected in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("engine", "devices"),
    [
        ({"tensor_parallel_size": 3, "pipeline_parallel_size": 2}, None),
        ({"tensor_parallel_size": 3, "pipeline_parallel_size": 2}, 6),
        ({"max_model_len": 8192}, None),
        ({"max_model_len": 20000, "extra": {"hf_overrides": {"max_position_embeddings": 20000}}}, None),
        ({"tensor_parallel_size": 9, "extra": {"nnodes": 3}}, 3),
        ({"tensor_parallel_size": 9, "distributed_executor_backend": "ray"}, 3),
        ({"model": "some-hub/" + "x" * 300}, None),
    ],
)
def test_the_possible_passes(engine: dict[str, object], devices: int | None) -> None:
    check(EngineSettings.model_validate(engine), SHAPE, devices)


def test_a_model_of_unknown_shape_passes() -> None:
    check(EngineSettings(model="hub/model", tensor_parallel_size=7, max_model_len=10**6), None, None)


def test_a_folder_named_like_the_bundled_model_does_not_stand_in_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smollm2-135m-instruct").mkdir()
    monkeypatch.chdir(tmp_path)
    check(EngineSettings(), SHAPE, None)


@pytest.mark.parametrize("nest", [lambda config: config, lambda config: {"text_config": config, "hidden_size": 1}])
def test_a_shape_is_read_from_a_model_folder_even_a_nested_one(tmp_path: Path, nest: object) -> None:
    config = {"num_attention_heads": 8, "num_hidden_layers": 4, "max_position_embeddings": 100, "limit": float("inf")}
    assert callable(nest)
    (tmp_path / "config.json").write_text(json.dumps(nest(config)))
    assert ModelShape.from_config(tmp_path) == ModelShape(8, 4, 100, str(tmp_path))
    check(EngineSettings(model=str(tmp_path)), ModelShape.from_config(tmp_path), None)


@pytest.mark.parametrize(
    ("scaling", "context"),
    [
        ({}, 100),
        ({"rope_scaling": None, "rope_parameters": {"rope_type": "default", "rope_theta": 1.0}}, 100),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, None),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, None),
        ({"rope_parameters": {"full_attention": {"rope_type": "linear"}}}, None),
    ],
)
def test_a_stretched_context_is_left_to_vllm(tmp_path: Path, scaling: dict[str, object], context: int | None) -> None:
    config = {"num_attention_heads": 8, "num_hidden_layers": 4, "max_position_embeddings": 100, **scaling}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shape = ModelShape.from_config(tmp_path)
    assert shape is not None
    assert shape.max_position_embeddings == context


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"num_attention_heads": "many"}', '{"text_config": null}', "\xff"])
def test_a_config_that_does_not_say_gives_no_shape(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    assert ModelShape.from_config(tmp_path) is None

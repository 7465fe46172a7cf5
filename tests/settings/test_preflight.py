"""Settings that cannot work are refused before anything is loaded."""

import json
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import EngineSettings
from service.settings.preflight import ModelShape, check

SHAPE = ModelShape(attention_heads=9, hidden_layers=30, max_position_embeddings=8192, source="Small")


@pytest.mark.parametrize(
    ("engine", "devices", "expected"),
    [
        ({"tensor_parallel_size": 2}, None, "9 attention heads, which 2 does not divide; use 1, 3 or 9"),
        ({"pipeline_parallel_size": 31}, None, "only 30 layers"),
        ({"max_model_len": 8193}, None, "the context of Small is 8192 tokens"),
        ({"tensor_parallel_size": 3, "pipeline_parallel_size": 2}, 4, "needs 6 devices, but this machine has 4"),
        ({"model": "/nowhere/at/all"}, None, "no folder"),
    ],
)
def test_the_impossible_is_refused(engine: dict[str, object], devices: int | None, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        check(EngineSettings.model_validate(engine), SHAPE, devices)


@pytest.mark.parametrize(
    ("engine", "devices"),
    [
        ({"tensor_parallel_size": 3, "pipeline_parallel_size": 2}, None),
        ({"max_model_len": 8192}, None),
        ({"max_model_len": 20000, "extra": {"hf_overrides": {"max_position_embeddings": 20000}}}, None),
        ({"tensor_parallel_size": 9, "extra": {"nnodes": 3}}, 3),
    ],
)
def test_the_possible_passes(engine: dict[str, object], devices: int | None) -> None:
    check(EngineSettings.model_validate(engine), SHAPE, devices)


def test_a_shape_is_read_from_a_model_folder_even_a_nested_one(tmp_path: Path) -> None:
    text_config = {"num_attention_heads": 8, "num_hidden_layers": 4, "max_position_embeddings": 100}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": text_config}))
    assert ModelShape.from_config(tmp_path) == ModelShape(8, 4, 100, str(tmp_path))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"num_attention_heads": "many"}'])
def test_a_config_that_does_not_say_gives_no_shape(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert ModelShape.from_config(tmp_path) is None

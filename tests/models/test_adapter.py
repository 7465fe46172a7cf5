"""What a folder must hold to be an adapter."""

from pathlib import Path

import numpy as np
import pytest

from service.models.adapter import AdapterError, AdapterFolder, read_base
from service.models.safetensors_header import Tensor
from tests.peft_folder import tiny_adapter, write_adapter

LAYER = "model.layers.0.self_attn.q_proj"


def test_an_adapter_states_its_rank_and_its_factors(tmp_path: Path) -> None:
    adapter = AdapterFolder.read(tiny_adapter(tmp_path, rank=3, rank_pattern={"q_proj": 5}))
    assert adapter.rank == 5
    assert adapter.tensors[f"base_model.model.{LAYER}.lora_A.weight"] == Tensor("F32", (3, 6))


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("adapter_config.json", None, "a folder without an adapter_config.json"),
        ("adapter_config.json", b"{}", "adapter_config.json cannot be read"),
        ("adapter_config.json", b'{"r": 0, "lora_alpha": 1}', "rank 0"),
        ("adapter_config.json", b'{"r": 2}', "adapter_config.json cannot be read"),
        ("adapter_config.json", b"\xff", "adapter_config.json cannot be read"),
        ("adapter_model.safetensors", None, "a folder without an adapter_model.safetensors"),
        ("adapter_model.safetensors", b"", "damaged: its header is cut off"),
        ("adapter_model.safetensors", b"\xff" * 100, "damaged: its header is cut off"),
        ("adapter_model.safetensors", b"\x02" + bytes(7) + b"{}", "holds no tensor"),
        ("adapter_model.safetensors", b"\x02" + bytes(7) + b"[]", "damaged: its header cannot be read"),
    ],
)
def test_what_is_missing_or_damaged_is_named(tmp_path: Path, file: str, content: bytes | None, expected: str) -> None:
    tiny_adapter(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(AdapterError, match=expected):
        AdapterFolder.read(tmp_path)


def test_weights_that_were_cut_off_are_refused(tmp_path: Path) -> None:
    weights = tiny_adapter(tmp_path) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(AdapterError, match=r"holds \d+ bytes of tensors where its header promises"):
        AdapterFolder.read(tmp_path)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    tiny_adapter(tmp_path)
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(AdapterError, match=r"adapter_model\.bin, a pickle"):
        AdapterFolder.read(tmp_path)


@pytest.mark.parametrize(
    ("layer", "fits"),
    [
        (Tensor("BF16", (4, 6)), True),
        (Tensor("BF16", (8, 6)), False),
        (Tensor("BF16", (4, 7)), False),
        (Tensor("U8", (2, 6)), True),
    ],
)
def test_factors_must_fit_the_layer_unless_that_is_packed(tmp_path: Path, layer: Tensor, fits: bool) -> None:
    adapter = AdapterFolder.read(tiny_adapter(tmp_path))
    if fits:
        adapter.check_fits({f"{LAYER}.weight": layer})
    else:
        with pytest.raises(AdapterError, match="made for another model"):
            adapter.check_fits({f"{LAYER}.weight": layer})


@pytest.mark.parametrize(
    ("option", "value"),
    [("use_dora", True), ("bias", "all"), ("lora_bias", True), ("layer_replication", [[0, 4]]), ("use_qalora", True)],
)
def test_what_vllm_does_not_serve_is_refused_by_its_name(tmp_path: Path, option: str, value: object) -> None:
    tiny_adapter(tmp_path / "off", **{option: "none" if option == "bias" else None})
    AdapterFolder.read(tmp_path / "off")
    with pytest.raises(AdapterError, match=f"asks for {option}, which vLLM does not serve"):
        AdapterFolder.read(tiny_adapter(tmp_path / "on", **{option: value}))


def test_a_layer_that_the_model_does_not_have_is_no_fit(tmp_path: Path) -> None:
    adapter = AdapterFolder.read(tiny_adapter(tmp_path))
    with pytest.raises(AdapterError, match=r"layers\.0\.self_attn\.q_proj\.lora_A\.weight belongs to a layer that"):
        adapter.check_fits({"model.layers.1.self_attn.q_proj.weight": Tensor("BF16", (4, 6))})
    adapter.check_fits({"layers.1.self_attn.q_proj.weight": Tensor("BF16", (4, 6))})


@pytest.mark.parametrize(("down", "up"), [((2, 6), (4, 1)), ((3, 6), (4, 3))])
def test_two_factors_make_one_adapter_of_the_stated_rank(
    tmp_path: Path, down: tuple[int, int], up: tuple[int, int]
) -> None:
    names = [f"base_model.model.{LAYER}.lora_{factor}.weight" for factor in "AB"]
    factors = {name: np.zeros(shape, np.float32) for name, shape in zip(names, (down, up), strict=True)}
    with pytest.raises(AdapterError, match="do not make an adapter of rank 2"):
        AdapterFolder.read(write_adapter(tmp_path, factors, rank=2)).check_fits({})


def test_a_model_without_safetensors_has_no_known_weights(tmp_path: Path) -> None:
    assert read_base(tmp_path) == {}

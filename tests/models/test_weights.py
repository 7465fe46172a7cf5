"""How single tensors are unpacked."""

import numpy as np

from service.models.weights import pair_halves, to_bfloat16, transformers_name


def test_names_are_those_of_transformers() -> None:
    assert transformers_name("token_embd.weight") == "model.embed_tokens.weight"
    assert transformers_name("blk.7.attn_q.weight") == "model.layers.7.self_attn.q_proj.weight"


def test_rows_of_a_head_move_from_side_by_side_to_half_a_head_apart() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)  # two heads of four dimensions
    assert pair_halves(rows, heads=2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_bfloat16_rounds_to_nearest_and_ties_to_even() -> None:
    bits = np.array([0x3F80_0000, 0x3F80_7FFF, 0x3F80_8000, 0x3F80_8001, 0x3F81_8000, 0xBF80_8001], np.uint32)
    assert [hex(value) for value in to_bfloat16(bits.view(np.float32))] == [
        "0x3f80", "0x3f80", "0x3f80", "0x3f81", "0x3f82", "0xbf81",
    ]  # fmt: skip

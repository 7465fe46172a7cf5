"""What rendering made of images is kept for a while, and given once."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from service.engine.vllm_kept_inputs import KeptInputs  # noqa: E402

pytestmark = pytest.mark.engine


def made(size: int) -> dict[str, Any]:
    return {"mm_kwargs": {"image": [torch.zeros(size, dtype=torch.uint8)]}}


def test_it_is_given_once() -> None:
    kept = KeptInputs()
    engine_input = made(10)
    name = kept.keep(engine_input)
    assert kept.take(name) is engine_input
    assert kept.take(name) is None
    assert kept.take(None) is None


def test_the_oldest_makes_room() -> None:
    kept = KeptInputs(max_bytes=100)
    first, second, third = [kept.keep(made(40)) for _ in range(3)]
    assert kept.take(first) is None
    assert kept.take(second) is not None and kept.take(third) is not None


def test_what_was_taken_leaves_its_room() -> None:
    kept = KeptInputs(max_bytes=100)
    for _ in range(5):
        assert kept.take(kept.keep(made(60))) is not None


def test_what_is_larger_than_the_room_is_not_kept() -> None:
    kept = KeptInputs(max_bytes=100)
    assert kept.take(kept.keep(made(101))) is None

"""The output budget."""

import pytest

from service.errors import ContextLengthError
from service.gateway.gateway import fit


@pytest.mark.parametrize(
    ("prompt", "asked", "given"), [(10, 5, 5), (10, None, 90), (10, 90, 90), (99, None, 1), (100, 0, 0)]
)
def test_what_fits_is_given(prompt: int, asked: int | None, given: int) -> None:
    assert fit(prompt, asked, 100) == given


@pytest.mark.parametrize(("prompt", "asked"), [(10, 91), (100, None), (100, 1), (101, 0)])
def test_what_does_not_fit_is_refused(prompt: int, asked: int | None) -> None:
    with pytest.raises(ContextLengthError, match=f"100 tokens, but {prompt}"):
        fit(prompt, asked, 100)

"""What counts as a secret."""

import pytest

from service.settings.secrecy import MASK, masked


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("auth_token", "x", MASK),
        ("password", 1234, MASK),
        ("x-api-key", "x", MASK),
        ("extra_headers", {"authorization": "x"}, MASK),
        ("a", [{"client_secret": "x", "b": 1}], [{"client_secret": MASK, "b": 1}]),
        ("hf_token", None, None),
        ("num_speculative_tokens", 3, 3),
        ("tokenizer_mode", "slow", "slow"),
        ("model", "x", "x"),
    ],
)
def test_secrets_are_known_by_their_names_at_any_depth(name: str, value: object, shown: object) -> None:
    assert masked(name, value) == shown

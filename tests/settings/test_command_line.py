"""How words behind the command are read."""

import pytest

from service.errors import ConfigurationError
from tests.settings.loading import load


@pytest.mark.parametrize(
    ("words", "section", "name", "value"),
    [
        (["some/model"], "engine", "model", "some/model"),
        (["--tensor-parallel-size", "3"], "engine", "tensor_parallel_size", 3),
        (["--engine.tensor_parallel_size=3"], "engine", "tensor_parallel_size", 3),
        (["--port", "81"], "server", "port", 81),
        (["--host=::"], "server", "host", "::"),
        (["--management.port", "82"], "management", "port", 82),
        (["--port", "1", "--port", "2"], "server", "port", 2),
        (["--enforce-eager"], "engine", "enforce_eager", True),
        (["--no-enforce-eager"], "engine", "enforce_eager", False),
        (["--enforce-eager", "false"], "engine", "enforce_eager", False),
        (["--enforce-eager=true"], "engine", "enforce_eager", True),
        (["--no-management.enabled"], "management", "enabled", False),
        (["--management.no-enabled"], "management", "enabled", False),
        (["--served-model-name", "a, b"], "engine", "served_model_name", ["a", "b"]),
        (["--served-model-name", '["a,b"]'], "engine", "served_model_name", ["a,b"]),
        (["--speculative-config", '{"method": "ngram"}'], "engine", "speculative_config", {"method": "ngram"}),
        (["--max-model-len", "none"], "engine", "max_model_len", None),
        (["--attention-backend", "FLASH_ATTN"], "engine", "extra", {"attention_backend": "FLASH_ATTN"}),
        (["--enable-lora"], "engine", "extra", {"enable_lora": True}),
        (["--no-enable-lora"], "engine", "extra", {"enable_lora": False}),
        (["--max-lora-rank", "8"], "engine", "extra", {"max_lora_rank": 8}),
        (["--tokenizer-revision", "0123456"], "engine", "extra", {"tokenizer_revision": "0123456"}),
        (["--cudagraph-capture-sizes", "1,2"], "engine", "extra", {"cudagraph_capture_sizes": [1, 2]}),
        (["--hf-overrides", '{"a": "\\/"}'], "engine", "extra", {"hf_overrides": {"a": "/"}}),
    ],
)
def test_the_command_line_is_understood(words: list[str], section: str, name: str, value: object) -> None:
    assert getattr(getattr(load(*words).settings, section), name) == value


def test_a_boolean_option_does_not_swallow_the_model_behind_it() -> None:
    for flag in ("--enforce-eager", "--enable-lora", "--no-enable-lora"):
        assert load(flag, "some/model").settings.engine.model == "some/model"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["one", "two"], "names 2 models"),
        (["one", "--model", "two"], "names 2 models"),
        (["--port"], "--port needs a value"),
        (["--port", "--host", "x"], "--port needs a value"),
        (["--config"], "--config needs a value"),
        (["--enforce-eagre", "--port", "1"], "did you mean engine.enforce_eager?"),
        (["-"], "is not a setting"),
        ([""], "engine.model is ''"),
    ],
)
def test_words_that_make_no_sense_are_refused(words: list[str], expected: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(*words)
    assert expected in refused.value.message

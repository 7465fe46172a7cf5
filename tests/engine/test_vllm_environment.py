"""What vLLM is given on each accelerator."""

from pathlib import Path

import pytest

from service.engine.vllm_environment import PLUGIN, bind_threads, derived_arguments, environment
from service.errors import ConfigurationError
from service.settings import EngineSettings


@pytest.mark.parametrize(
    ("cores", "ranks", "bound"),
    [
        ([0, 1], 1, "0,1"),
        ([0, 1], 2, "0|1"),
        ([0, 1], 3, "0|1|0"),
        ([4, 5, 6, 7], 2, "4,5|6,7"),
        ([0, 1, 2, 3, 4], 2, "0,1|2,3"),
        ([3], 2, "3|3"),
    ],
)
def test_every_rank_gets_as_many_cores_as_every_other(cores: list[int], ranks: int, bound: str) -> None:
    assert bind_threads(cores, ranks) == bound


def test_what_the_operator_has_set_stays() -> None:
    given = environment(EngineSettings(), "cpu", "m", {"VLLM_CPU_OMP_THREADS_BIND": "auto"})
    assert "VLLM_CPU_OMP_THREADS_BIND" not in given
    assert given["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.parametrize(
    ("set_by_operator", "given"),
    [("", PLUGIN), ("theirs", f"theirs,{PLUGIN}"), (f"{PLUGIN},theirs", None), (None, None)],
)
def test_our_plugin_joins_those_that_the_operator_allows(set_by_operator: str | None, given: str | None) -> None:
    present = {} if set_by_operator is None else {"VLLM_PLUGINS": set_by_operator}
    assert environment(EngineSettings(), "cpu", "m", present).get("VLLM_PLUGINS") == given


def test_nothing_is_bound_on_cuda() -> None:
    assert "VLLM_CPU_OMP_THREADS_BIND" not in environment(EngineSettings(), "cuda", "m", {})


@pytest.mark.parametrize(
    ("accelerator", "settings", "eager"),
    [
        ("cpu", {}, True),
        ("cpu", {"pipeline_parallel_size": 2}, False),
        ("cpu", {"enforce_eager": False}, False),
        ("cuda", {}, None),
    ],
)
def test_cpu_starts_eagerly_unless_pipeline_parallelism_needs_compiling(
    accelerator: str, settings: dict[str, object], eager: bool | None
) -> None:
    arguments = derived_arguments(EngineSettings.model_validate(settings), accelerator, "model")
    assert arguments.get("enforce_eager") is eager


def test_cuda_keeps_vllms_own_choices() -> None:
    arguments = derived_arguments(EngineSettings(model="m"), "cuda", "m")
    assert not {"kv_cache_memory_bytes", "max_num_seqs", "enforce_eager"} & arguments.keys()


def test_a_local_model_asks_no_hub(tmp_path: Path) -> None:
    assert environment(EngineSettings(), "cpu", str(tmp_path), {})["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in environment(EngineSettings(), "cpu", "some/model", {})


def test_grammars_are_xgrammars_and_json_is_compact() -> None:
    given = EngineSettings.model_validate({"extra": {"structured_outputs_config": {"reasoning_parser": "qwen3"}}})
    config = derived_arguments(given, "cuda", "m")["structured_outputs_config"]
    assert config == {"backend": "xgrammar", "disable_any_whitespace": True, "reasoning_parser": "qwen3"}


def test_another_backend_is_refused() -> None:
    given = EngineSettings.model_validate({"extra": {"structured_outputs_config": {"backend": "guidance"}}})
    with pytest.raises(ConfigurationError, match="must be xgrammar"):
        derived_arguments(given, "cuda", "m")

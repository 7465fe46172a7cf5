"""What vLLM wants to find in its environment, and the arguments that follow from the accelerator.

Does not import vLLM: all of this must be in place before it is imported, because it reads some of it at import.
"""

import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from service.engine.vllm_lora_limits import lora_arguments
from service.errors import ConfigurationError
from service.models import bundled
from service.models.adapter import AdapterFolder
from service.settings import EngineSettings

PLUGIN: Final = "tidegate"
"""Our entry point in vLLM's processes, as `pyproject.toml` names it."""

CPU_KV_CACHE_BYTES: Final = 2 * 1024**3
"""KV cache on CPU where the settings give none: 93,184 tokens of the bundled model."""

CPU_MAX_NUM_SEQS: Final = 64
"""Sequences in one batch on CPU where the settings give none; more only lengthens every step on a few cores."""


BUNDLED_TOOL_CALL_PARSER: Final = "hermes"
"""The bundled model's chat template asks for calls in this form."""


def tool_call_parser(engine: EngineSettings) -> str | None:
    """The parser of tool calls: the one in the settings, else the bundled model's own."""
    return engine.tool_call_parser or (BUNDLED_TOOL_CALL_PARSER if bundled.is_bundled(engine.model) else None)


def detect_accelerator(engine: EngineSettings) -> Literal["cpu", "cuda"]:
    """The accelerator in the settings, or for "auto" CUDA when `nvidia-smi` answers, else CPU."""
    if engine.accelerator != "auto":
        return engine.accelerator
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=20, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if answer.returncode == 0 else "cpu"


def environment(engine: EngineSettings, accelerator: str, model: str, present: Mapping[str, str]) -> dict[str, str]:
    """Variables to set before vLLM is imported. Whatever is `present` already wins: it is the operator's word.

    `model` is the folder or hub id that will be loaded.
    """
    wanted = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        # Otherwise a killed TP worker is noticed only after about ten seconds.
        "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if Path(model).is_dir():
        wanted["HF_HUB_OFFLINE"] = "1"
    if accelerator == "cpu":
        ranks = engine.tensor_parallel_size * engine.pipeline_parallel_size * engine.data_parallel_size
        wanted["VLLM_CPU_OMP_THREADS_BIND"] = bind_threads(sorted(os.sched_getaffinity(0)), ranks)
        wanted["VLLM_TARGET_DEVICE"] = "cpu"
    chosen = {name: value for name, value in wanted.items() if name not in present}
    if (plugins := present.get("VLLM_PLUGINS")) is not None and PLUGIN not in plugins.split(","):
        # The one that is added to: vLLM loads no plugin that is not named here, and no stream is resumed without ours.
        chosen["VLLM_PLUGINS"] = ",".join(filter(None, (plugins, PLUGIN)))
    return chosen


def bind_threads(cores: Sequence[int], ranks: int) -> str:
    """vLLM's `VLLM_CPU_OMP_THREADS_BIND`: one group of cores per rank, the groups equal and, if they can be, disjoint.

    With fewer cores than ranks the ranks share cores in turn ("0|1|0"): slow, but right. vLLM's own "auto" binds by
    NUMA node and refuses more ranks than there are nodes.
    """
    share = max(len(cores) // ranks, 1)
    groups = [[cores[(rank * share + i) % len(cores)] for i in range(share)] for rank in range(ranks)]
    return "|".join(",".join(map(str, group)) for group in groups)


def derived_arguments(
    engine: EngineSettings, accelerator: str, model: str, adapters: Collection[AdapterFolder] = ()
) -> dict[str, Any]:
    """Arguments for AsyncEngineArgs: those that were set, and ours where the settings leave the choice."""
    arguments = {**engine.vllm_arguments(), "model": model}
    arguments.setdefault("disable_log_stats", False)
    arguments["structured_outputs_config"] = _structured_outputs_config(arguments.get("structured_outputs_config"))
    if not arguments.get("served_model_name"):
        arguments["served_model_name"] = [engine.model]
    arguments = {**lora_arguments(engine, adapters), **arguments}
    if accelerator == "cpu":
        if engine.enforce_eager is None:
            # Compiling costs 40 s at start. PP needs it: without the warm-up that compiling entails, vLLM 0.32's
            # second stage dies at the first request (`assert self.intermediate_tensors is not None`).
            arguments["enforce_eager"] = engine.pipeline_parallel_size == 1
        if "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
            arguments.setdefault("kv_cache_memory_bytes", CPU_KV_CACHE_BYTES)
        arguments.setdefault("max_num_seqs", CPU_MAX_NUM_SEQS)
    return arguments


def _structured_outputs_config(given: object) -> dict[str, Any]:
    """vLLM's own default lets a model write white space between JSON's members until its tokens are used up.

    Its backend "auto" keeps whichever its first request happens to choose, and only xgrammar's grammars are checked
    before they reach the engine.
    """
    config = {"backend": "xgrammar", "disable_any_whitespace": True, **(given if isinstance(given, dict) else {})}
    if config["backend"] != "xgrammar":
        raise ConfigurationError(
            f"engine.structured_outputs_config.backend must be xgrammar, not {config['backend']}: "
            "requests are checked with it before they reach the engine."
        )
    return config

"""From engine arguments to a running `AsyncLLM`, with vLLM's complaints turned into ours. Imports vLLM."""

import dataclasses
from typing import Any

import vllm
from pydantic import ValidationError
from vllm.config import StructuredOutputsConfig, VllmConfig
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.platforms import CpuArchEnum, current_platform
from vllm.usage.usage_lib import UsageContext
from vllm.v1.engine.async_llm import AsyncLLM

from service.engine.info import EmbeddingSizes, EngineInfo, Resumption
from service.engine.step_clock import StepClock
from service.engine.vllm_images import image_limit
from service.engine.vllm_resume import ResumingLLM
from service.engine.vllm_resume_plugin import installed
from service.engine.vllm_steps import step_logger
from service.errors import ConfigurationError, EngineUnavailableError


def build_config(arguments: dict[str, Any]) -> VllmConfig:
    """vLLM's configuration; nothing is loaded yet. Raises `ConfigurationError` with one readable line."""
    known = {field.name for field in dataclasses.fields(AsyncEngineArgs)}
    if unknown := sorted(arguments.keys() - known):
        raise ConfigurationError(f"engine.{unknown[0]} is no engine argument of vLLM {vllm.__version__}.")
    try:
        # vLLM itself sets attributes of this one without making it from what the operator wrote.
        if structured := arguments.get("structured_outputs_config"):
            arguments = {**arguments, "structured_outputs_config": StructuredOutputsConfig(**structured)}
        return AsyncEngineArgs(**arguments).create_engine_config(UsageContext.OPENAI_API_SERVER)
    except ValidationError as error:
        reasons = "; ".join(entry["msg"].removeprefix("Value error, ") for entry in error.errors())
        raise ConfigurationError(f"vLLM refuses these settings: {_one_line(reasons)}") from error
    except (ValueError, OSError, NotImplementedError, TypeError, AssertionError) as error:
        raise ConfigurationError(f"vLLM refuses these settings: {_one_line(str(error))}") from error


def launch(config: VllmConfig, clock: StepClock) -> AsyncLLM:
    """Load the model; blocks until the engine core is ready. Call on the event loop that will use it.

    `clock` hears of every step.
    """
    try:
        return ResumingLLM.from_vllm_config(
            config, usage_context=UsageContext.OPENAI_API_SERVER, stat_loggers=[step_logger(clock)]
        )
    except (RuntimeError, ValueError, OSError, MemoryError) as error:
        model = config.model_config.model
        raise EngineUnavailableError(f"The engine could not start with {model}: {_one_line(str(error))}") from error


async def describe(llm: AsyncLLM, *, tool_call_parser: str | None, reasoning_parser: str | None) -> EngineInfo:
    """What was started, in the terms of the seam. Raises `ConfigurationError` for a task that is not served."""
    config = llm.vllm_config
    model, cache, parallel = config.model_config, config.cache_config, config.parallel_config
    names = model.served_model_name
    kv_tokens = cache.kv_cache_size_tokens or 0
    return EngineInfo(
        model=names[0] if isinstance(names, list) else names,
        served_model_names=tuple(names) if isinstance(names, list) else (names,),
        max_model_len=model.max_model_len,
        vocab_size=model.get_vocab_size(),
        kv_cache_tokens=kv_tokens,
        max_concurrency=cache.kv_cache_max_concurrency or kv_tokens / model.max_model_len,
        max_num_seqs=config.scheduler_config.max_num_seqs,
        tensor_parallel_size=parallel.tensor_parallel_size,
        pipeline_parallel_size=parallel.pipeline_parallel_size,
        data_parallel_size=parallel.data_parallel_size,
        version=f"vllm {vllm.__version__}",
        tool_call_parser=tool_call_parser,
        reasoning_parser=reasoning_parser,
        default_sampling={
            name: value for name, value in model.get_diff_sampling_param().items() if name != "max_tokens"
        },
        embeddings=await _embedding_sizes(llm),
        resumption=_resumption(config),
        max_images=image_limit(llm.renderer.mm_processor),
    )


def _resumption(config: VllmConfig) -> Resumption:
    if not installed():
        return Resumption.NEVER
    if config.speculative_config is not None:
        # How many tokens a step drafts, and so how many random numbers it draws, depends on where the step begins.
        return Resumption.UNSEEDED
    if config.use_v2_model_runner:
        return Resumption.ALWAYS
    draws_are_known = current_platform.is_cpu() and current_platform.get_cpu_architecture() in (
        CpuArchEnum.X86,
        CpuArchEnum.ARM,
    )
    return Resumption.ALWAYS if draws_are_known and not config.model_config.use_fp64_gumbel else Resumption.UNSEEDED


async def _embedding_sizes(llm: AsyncLLM) -> EmbeddingSizes | None:
    model = llm.vllm_config.model_config
    if model.runner_type != "pooling":
        return None
    tasks = await llm.get_supported_tasks()
    if "embed" not in tasks:
        raise ConfigurationError(
            f"vLLM runs {model.model} for {', '.join(tasks) or 'nothing'}, but only text and embeddings are served "
            f"here. Set engine.convert to embed, or choose another model."
        )
    return EmbeddingSizes(
        full=model.embedding_size,
        matryoshka=bool(model.is_matryoshka),
        choices=tuple(model.matryoshka_dimensions or ()),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())

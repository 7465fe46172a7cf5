"""The settings: one frozen tree, each leaf with its meaning, its unit and its bounds.

Knows nothing of where values come from, and of vLLM only the names of its arguments.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

BUNDLED_MODEL: Final = "smollm2-135m-instruct"


def _no_boolean(value: object) -> object:
    # Python's True is 1, and so pydantic would read `port: true` as port 1.
    if isinstance(value, bool):
        raise ValueError("a boolean is no number")
    return value


def _names(value: object) -> object:
    return [name for part in value.split(",") if (name := part.strip())] if isinstance(value, str) else value


def _adapters(value: object) -> object:
    if value is None:
        return {}
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    adapters = {name.strip(): path.strip() for name, _, path in pairs}
    if len(adapters) < len(pairs):
        raise ValueError("a name is given twice")
    return adapters


Port = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_no_boolean)]
Size = Annotated[int, Field(ge=1, le=2**63 - 1), BeforeValidator(_no_boolean)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1), BeforeValidator(_no_boolean)]
"""vLLM seeds numpy with it, which takes 32 bits."""
Fraction = Annotated[float, Field(gt=0, le=1), BeforeValidator(_no_boolean)]
Seconds = Annotated[float, Field(gt=0), BeforeValidator(_no_boolean)]
Duration = Annotated[float, Field(ge=0), BeforeValidator(_no_boolean)]
"""Seconds that may be none."""
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Text], BeforeValidator(_names)]
"""A list, or one text with commas."""
Adapters = Annotated[dict[Text, Text], BeforeValidator(_adapters)]
"""A mapping, or one text: name=path,name=path."""


class Section(BaseModel):
    """A part of the tree: frozen, closed to unknown keys, and silent about values in its errors (some are secrets)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class EngineSettings(Section):
    """Which engine, and vLLM's own arguments under vLLM's own names. None leaves the choice to the engine."""

    kind: Literal["vllm", "simulated"] = Field("vllm", description="the engine: vLLM, or one that plays a script")
    in_process: bool = Field(False, description="run the engine in the gateway's process, for debugging")
    accelerator: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: cuda if nvidia-smi answers")
    model: Text = Field(BUNDLED_MODEL, description="the bundled model, a hub id or a local folder")
    served_model_name: Names = Field([], description="names that requests may use; none: the model's own")
    tensor_parallel_size: Size = Field(1, description="devices that share each layer")
    pipeline_parallel_size: Size = Field(1, description="stages that the layers are divided into")
    data_parallel_size: Size = Field(1, description="copies of the model")
    distributed_executor_backend: Text | None = Field(None, description="how workers are run: mp, ray, uni")
    dtype: Text = Field("auto", description="type of weights and activations: auto, bfloat16, float16, float32")
    quantization: Text | None = Field(None, description="method the weights are quantised with")
    max_model_len: Size | None = Field(None, description="context, prompt and output together, in tokens")
    block_size: Size | None = Field(None, description="size of a KV cache block in tokens")
    gpu_memory_utilization: Fraction = Field(0.9, description="share of a GPU's memory to use, above 0 up to 1")
    kv_cache_memory_bytes: Size | None = Field(None, description="size of the KV cache per worker in bytes")
    enable_prefix_caching: bool = Field(True, description="reuse KV cache blocks of equal prompt beginnings")
    enable_chunked_prefill: bool | None = Field(None, description="split long prompts over several steps")
    max_num_seqs: Size | None = Field(None, description="sequences in one batch")
    max_num_batched_tokens: Size | None = Field(None, description="tokens in one batch")
    enforce_eager: bool | None = Field(None, description="do not compile; null: decided by accelerator and PP")
    speculative_config: dict[str, Any] | None = Field(None, description="vLLM's speculative decoding")
    tool_call_parser: Text | None = Field(None, description="vLLM's parser of the model's tool calls")
    reasoning_parser: Text | None = Field(None, description="vLLM's parser of the model's reasoning")
    seed: Seed = Field(0, description="seed of the engine's random numbers")
    lora_adapters: Adapters = Field({}, description="LoRA adapters: names and folders or hub ids, name=path,name=path")
    lora_folder: Text | None = Field(None, description="folder below which LoRA adapters may be loaded at run time")
    trust_remote_code: bool = Field(False, description="run Python code that comes with the model")
    tokenizer: Text | None = Field(None, description="hub id or folder of the tokenizer; null: the model's")
    revision: Text | None = Field(None, description="branch, tag or commit of the model on the hub")
    download_dir: Text | None = Field(None, description="folder that models are downloaded to")
    load_format: Text = Field("auto", description="format of the weights")
    hf_token: SecretStr | None = Field(None, description="token for the model hub")
    extra: dict[str, Any] = Field({}, description="further AsyncEngineArgs fields; written directly under engine:")

    def vllm_arguments(self) -> dict[str, Any]:
        """Keyword arguments for vLLM's AsyncEngineArgs: what was given, and our defaults where we have one.

        The secret is revealed in it: not for logs. `enforce_eager` is left out where the engine decides.
        """
        # In vLLM the parser of tool calls belongs to the HTTP front end: AsyncEngineArgs does not know it.
        own = {"kind", "in_process", "accelerator", "tool_call_parser", "lora_adapters", "lora_folder", "extra"}
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in own}
        given = {name: value for name, value in values.items() if value is not None and value != []}
        if self.hf_token is not None:
            given["hf_token"] = self.hf_token.get_secret_value()
        return {**given, **self.extra}


class ServerSettings(Section):
    """The public listener."""

    host: Text = Field("127.0.0.1", description="address or name to listen on")
    port: Port = Field(8000, description="TCP port to listen on; 0: any free port")
    max_connections: Size = Field(2048, description="connections that may be open; further ones are refused")
    max_body_bytes: Size = Field(16 * 1024**2, description="cap on a request's body in bytes")
    max_header_bytes: Size = Field(64 * 1024, description="cap on a request's head in bytes")
    head_timeout_seconds: Seconds = Field(10.0, description="time for a request's head to arrive, in seconds")
    body_timeout_seconds: Seconds = Field(10.0, description="time for a request's body to arrive, in seconds")
    write_timeout_seconds: Seconds = Field(30.0, description="time for a reader to take something, in seconds")
    drain_timeout_seconds: Duration = Field(30.0, description="time for open requests after SIGTERM, in seconds")


class ManagementSettings(Section):
    """The listener for operators: metrics and health."""

    enabled: bool = Field(True, description="open this listener")
    host: Text = Field("127.0.0.1", description="address or name to listen on")
    port: Port = Field(9000, description="TCP port to listen on; 0: any free port")


class SupervisionSettings(Section):
    """What happens when the engine dies or hangs."""

    resume_timeout_seconds: Seconds = Field(120.0, description="time a request waits for a dead engine, in seconds")
    hang_seconds: Seconds = Field(10.0, description="time without a step, at least, that counts as hanging, in seconds")
    max_deaths: Size = Field(5, description="deaths within the window after which the process gives up")
    deaths_window_seconds: Seconds = Field(600.0, description="time in which deaths are counted, in seconds")


class LoggingSettings(Section):
    """JSON lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug adds the engine's output")


class TracingSettings(Section):
    """OpenTelemetry, off without an endpoint."""

    otlp_endpoint: Text | None = Field(None, description="base URL of a collector that takes OTLP over HTTP")
    otlp_headers: SecretStr | None = Field(None, description="headers to send along: name=value,name=value")
    service_name: Text = Field("tidegate", description="name of this service in traces")


class SimulationSettings(Section):
    """What the simulated engine plays, for engine.kind simulated."""

    load_seconds: Duration = Field(0.0, description="time to load, in seconds")
    ttft_seconds: Duration = Field(0.0, description="time to the first token, in seconds")
    itl_seconds: Duration = Field(0.0, description="time between tokens, in seconds")
    text: Text = Field("The tide comes in, the tide goes out. ", description="the script, repeated without end")
    reasoning: str = Field("", description="what it reasons before the script; none without")
    tool_arguments: Text = Field("{}", description="arguments, as JSON, of a call that a request forces")
    faults: bool = Field(False, description="obey prompts that say [[die at 5]] or [[hang at 5]], for tests")
    context_tokens: Size = Field(8192, description="context in tokens")
    kv_cache_tokens: Size = Field(1_048_576, description="size of the KV cache in tokens")
    max_num_seqs: Size = Field(256, description="sequences in one batch")


class Settings(Section):
    """The whole tree."""

    engine: EngineSettings = Field(EngineSettings(), description="the model and what runs it")
    server: ServerSettings = Field(ServerSettings(), description="the public listener")
    supervision: SupervisionSettings = Field(SupervisionSettings(), description="an engine that dies or hangs")
    management: ManagementSettings = Field(ManagementSettings(), description="the listener for operators")
    logging: LoggingSettings = Field(LoggingSettings(), description="logs")
    tracing: TracingSettings = Field(TracingSettings(), description="traces")
    simulation: SimulationSettings = Field(SimulationSettings(), description="what the simulated engine plays")

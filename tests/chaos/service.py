"""The service that is tormented: the bundled model in float32, in which a second reading of a prompt tips nothing."""

from pathlib import Path

from tests.peft_folder import attention_factors, write_adapter
from tests.service_process import ServiceProcess


def chaos_service(*arguments: str) -> ServiceProcess:
    """A service that never gives up, however often its engine dies."""
    return ServiceProcess(
        "--dtype=float32",
        "--max-model-len=1024",
        "--kv-cache-memory-bytes=536870912",
        "--supervision.max_deaths=1000000",
        *arguments,
    )


def write_chaos_adapter(folder: Path) -> Path:
    """A random adapter for the bundled model, strong enough to change what it says."""
    factors = attention_factors(
        layers=30, hidden=576, projections={"q_proj": 576, "v_proj": 192}, rank=8, seed=3, scale=0.08
    )
    return write_adapter(folder / "adapter", factors, rank=8)

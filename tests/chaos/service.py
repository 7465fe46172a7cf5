"""The service that is tormented: the bundled model in float32, in which a second reading of a prompt tips nothing."""

from tests.service_process import ServiceProcess


def chaos_service(*arguments: str) -> ServiceProcess:
    """A service that never gives up, however often its engine dies."""
    return ServiceProcess(
        "--dtype=float32",
        "--max-model-len=1024",
        "--kv-cache-memory-bytes=536870912",
        "--supervision.max_deaths=1000000",
        "--server.drain_timeout_seconds=120",
        *arguments,
    )

"""vLLM's own `vllm:*` series out of this process's registry. Imports no vLLM, but only makes sense beside it."""

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector


class _OnlyVllm(Collector):
    """The default registry without this process's own python_* and process_* families: the gateway has those."""

    def collect(self):  # type: ignore[no-untyped-def]  # prometheus_client leaves it untyped as well
        return (family for family in REGISTRY.collect() if family.name.startswith("vllm:"))


def exposition() -> bytes:
    """The series in Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OnlyVllm())
    return generate_latest(registry)

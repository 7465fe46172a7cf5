"""One service with the real engine for all tests of this folder: starting one takes half a minute."""

from collections.abc import Iterator

import openai
import pytest

from tests.otlp_collector import Collector
from tests.service_process import ServiceProcess


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """Where the service sends its traces."""
    running = Collector()
    yield running
    running.close()


@pytest.fixture(scope="package")
def service(collector: Collector) -> Iterator[ServiceProcess]:
    """The bundled model, served as `make serve` serves it, with tracing on."""
    with ServiceProcess(f"--tracing.otlp-endpoint={collector.endpoint}") as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="package")
def client(service: ServiceProcess) -> openai.OpenAI:
    """The official client; it does not retry."""
    return openai.OpenAI(base_url=service.url + "/v1", api_key="none", max_retries=0, timeout=60)

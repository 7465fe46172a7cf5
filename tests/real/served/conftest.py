"""One service with the real engine for all tests of this folder: starting one takes half a minute."""

from collections.abc import Iterator
from typing import Final

import openai
import pytest

from tests.otlp_collector import Collector
from tests.service_process import ServiceProcess

LISTING: Final = pytest.StashKey[list[str]]()


@pytest.fixture(scope="package")
def listing_lines(request: pytest.FixtureRequest) -> list[str]:
    """Lines to print when all tests have run."""
    return request.config.stash.setdefault(LISTING, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The list of bad input: what was sent, what came back, and when."""
    if lines := config.stash.get(LISTING, []):
        terminalreporter.section("bad input: time, answer, input")
        for line in lines:
            terminalreporter.write_line(line)


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

"""SIGTERM while a stream is open: it ends whole, and the process with 0."""

from collections.abc import Iterator

import httpx
import pytest

from service.models.bundled import BUNDLED as MODEL
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture
def service() -> Iterator[ServiceProcess]:
    """A service that the test may end."""
    with ServiceProcess("--max-model-len=512", "--kv-cache-memory-bytes=268435456") as running:
        yield running.wait_until_ready()


def test_a_drain_lets_the_open_stream_finish_and_exits_with_zero(service: ServiceProcess) -> None:
    body = {"model": MODEL, "messages": QUESTION, "stream": True, "max_tokens": 60, "ignore_eos": True}
    with httpx.stream("POST", service.url + "/v1/chat/completions", json=body, timeout=30) as response:
        lines = response.iter_lines()
        next(lines)
        service.terminate()
        refused = httpx.post(service.url + "/v1/completions", json={"model": MODEL, "prompt": "Hi"})
        ready, live = service.get("/health/ready"), service.get("/health/live")
        rest = [line for line in lines if line]
    assert rest[-1] == "data: [DONE]"
    assert refused.json()["error"]["code"] == "shutting_down"
    assert ready is not None and (ready.status_code, ready.json()["phase"]) == (503, "draining")
    assert live is not None and live.status_code == 200
    assert service.wait(30) == 0

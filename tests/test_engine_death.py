"""The whole service, its engine killed: what clients and operators see. The engine is the simulated one."""

import re
import time
from collections.abc import Iterator

import httpx
import openai
import psutil
import pytest

from tests.chaos.faults import Fault, victim
from tests.service_process import ServiceProcess, simulated

BODY = {"model": "sim", "prompt": "Tell me", "max_tokens": 60, "stream": True, "ignore_eos": True}


@pytest.fixture
def service() -> Iterator[ServiceProcess]:
    """A service whose engine takes a moment for everything."""
    with simulated("--simulation.itl-seconds=0.02", "--simulation.load-seconds=0.5") as running:
        yield running


def test_a_stream_says_that_it_is_resuming_and_goes_on(service: ServiceProcess) -> None:
    whole = httpx.post(service.url + "/v1/completions", json={**BODY, "stream": False}).json()
    lines: list[str] = []
    with httpx.stream("POST", service.url + "/v1/completions", json=BODY, timeout=30) as response:
        for line in response.iter_lines():
            lines.append(line)
            if len(lines) == 20:
                victim(service.pid, Fault.KILL_HOST).kill()
    told = "".join(re.findall(r'"text":"([^"]*)"', "\n".join(lines)))
    assert told == whole["choices"][0]["text"]
    assert ": resuming" in lines
    assert [line for line in lines if line][-1] == "data: [DONE]"


def test_the_official_client_notices_nothing(service: ServiceProcess) -> None:
    client = openai.OpenAI(base_url=service.url + "/v1", api_key="none", max_retries=0)
    tokens = 0
    wanted = {name: value for name, value in BODY.items() if name != "ignore_eos"}
    with client.completions.create(**wanted, extra_body={"ignore_eos": True}) as stream:
        for tokens, _ in enumerate(stream, start=1):
            if tokens == 10:
                victim(service.pid, Fault.KILL_HOST).kill()
    assert tokens >= 60


def test_readiness_says_why_and_liveness_stays(service: ServiceProcess) -> None:
    victim(service.pid, Fault.KILL_HOST).kill()
    began = time.monotonic()
    while (ready := service.get("/health/ready")) is None or ready.status_code == 200:
        assert time.monotonic() - began < 10
    assert "signal 9" in ready.json()["reason"]
    live, refused = service.get("/health/live"), httpx.post(service.url + "/v1/completions", json=BODY)
    assert live is not None and live.status_code == 200
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_unavailable")
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    service.wait_until_ready(30)
    assert service.metric("tidegate_engine_deaths_total.*died") == 1
    assert service.text().count("Tidegate is ready again.") == 1


def test_deaths_without_end_end_the_process() -> None:
    with simulated("--supervision.max-deaths=2") as service:
        for _ in range(2):
            service.wait_until_ready(30)
            victim(service.pid, Fault.KILL_HOST).kill()
            while (ready := service.get("/health/ready")) is not None and ready.status_code == 200:
                time.sleep(0.01)
        assert service.wait(20) == 1
        assert "giving up" in service.text()


def test_nothing_of_a_killed_gateway_is_left(service: ServiceProcess) -> None:
    tree = service.tree()
    psutil.Process(service.pid).kill()
    _, alive = psutil.wait_procs(tree, timeout=5)
    assert alive == []

"""The start of the process: a listener before the model, honest phases, clear failures."""

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

ORDER = ["starting", "preparing model", "importing", "loading weights", "compiling", "warming up", "ready"]


def test_the_listener_answers_while_the_model_loads_and_readiness_walks_through_the_phases() -> None:
    with ServiceProcess("--max-model-len=512", "--kv-cache-memory-bytes=268435456") as service:
        phases: list[str] = []
        while not phases or phases[-1] != "ready":
            answer = service.get("/health/ready")
            if answer is not None:
                assert (answer.status_code == 200) is (answer.json()["phase"] == "ready")
                phases.append(answer.json()["phase"])
            time.sleep(0.02)
        walked = [phase for phase, _ in itertools.groupby(phases)]
        assert walked == [phase for phase in ORDER if phase in walked]
        assert {"importing", "loading weights", "warming up", "ready"} <= set(walked)
        metrics = httpx.get(service.management_url + "/metrics", timeout=10).text
        assert re.search(r"^tidegate_event_loop_lag_seconds_count \d", metrics, re.M)


def test_a_model_that_cannot_load_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_attention_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with ServiceProcess(str(tmp_path)) as service:
        assert service.wait(120) != 0
        assert str(tmp_path) in service.text()


def test_an_engine_argument_that_vllm_refuses_ends_the_process_with_exit_code_two() -> None:
    command = [sys.executable, "-m", "service.cli", "serve", "--max-model-len=9000", "--port=0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "9000" in ended.stderr and "8192" in ended.stderr

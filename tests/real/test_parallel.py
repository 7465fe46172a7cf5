"""Tensor and pipeline parallelism, started by settings alone, change nothing of what is said."""

import subprocess
import sys

import httpx
import pytest

from service.models.bundled import BUNDLED as MODEL
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

PROMPTS = [
    "The capital of France is",
    "Water boils at",
    "Once upon a time",
    "def fibonacci(n):",
    "The three primary colours are",
]

# In bfloat16 the order of summation tips near-ties; in float32 it does not.
COMMON = ("--dtype=float32", "--max-model-len=512", "--kv-cache-memory-bytes=268435456")


def greedy_texts(*arguments: str) -> list[str]:
    """What a service with these settings says to the five prompts."""
    with ServiceProcess(*COMMON, *arguments) as service:
        service.wait_until_ready(300)
        body = {"model": MODEL, "prompt": PROMPTS, "temperature": 0, "max_tokens": 24}
        answer = httpx.post(service.url + "/v1/completions", json=body, timeout=120).json()
        return [choice["text"] for choice in answer["choices"]]


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """What one worker says."""
    return greedy_texts()


@pytest.mark.parametrize("arguments", [("--tensor-parallel-size=3",), ("--pipeline-parallel-size=2",)])
def test_parallel_workers_say_what_one_says(alone: list[str], arguments: tuple[str, ...]) -> None:
    assert greedy_texts(*arguments) == alone


def test_a_tensor_parallel_size_that_does_not_divide_the_heads_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "service.cli", "serve", "--tensor-parallel-size=2", "--port=0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert "tensor_parallel_size is 2" in line and "9 attention heads" in line

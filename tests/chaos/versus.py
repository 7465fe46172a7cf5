"""`python -m tests.chaos.versus`: vLLM's own server and Tidegate, each with 16 streams and one `kill -9` of EngineCore.

Prints how many streams came to their proper end, and what a small request got each second of the minute after.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from service.models import bundled
from tests.chaos.answer import Answer, ask
from tests.chaos.faults import Fault, strike
from tests.chaos.kinds import MODEL, STORY, Kind
from tests.chaos.round import client
from tests.chaos.service import chaos_service
from tests.service_process import free_port

STREAMS: Final = 16
MINUTE: Final = 60
KIND: Final = Kind(
    "plain",
    "/v1/completions",
    {"model": MODEL, "prompt": STORY, "max_tokens": 200, "temperature": 0, "ignore_eos": True},
)


@contextlib.contextmanager
def vllm_server() -> Iterator[tuple[str, int]]:
    """vLLM's own server on the same model, in the same precision; its address and process id."""
    port, log = free_port(), Path("/tmp/vllm-versus.log")
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(bundled.prepare(lambda done: None)),
    ]
    command += ["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--max-model-len", "1024", "--enforce-eager"]
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment})
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and _get(f"http://127.0.0.1:{port}/health") != 200:
            if server.poll() is not None:
                raise RuntimeError(f"vLLM's server did not start; see {log}")
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        server.kill()
        server.wait()


def _get(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return None


async def torment(url: str, gateway: int) -> tuple[list[Answer], list[str]]:
    """The streams, and what each second of the minute after the kill was answered."""
    answers = [Answer() for _ in range(STREAMS)]
    async with client(url) as http:
        streams = [asyncio.create_task(ask(http, KIND, answer)) for answer in answers]
        while min(answer.events for answer in answers) < 20:
            await asyncio.sleep(0.01)
        await strike(gateway, Fault.KILL_CORE)
        probes = [asyncio.create_task(_probe(http, second)) for second in range(MINUTE)]
        await asyncio.gather(*streams)
        return answers, await asyncio.gather(*probes)


async def _probe(http: httpx.AsyncClient, second: int) -> str:
    await asyncio.sleep(second)
    body = {"model": MODEL, "prompt": "The sea", "max_tokens": 1}
    try:
        return str((await http.post("/v1/completions", json=body, timeout=10)).status_code)
    except httpx.HTTPError as error:
        return type(error).__name__


def show(name: str, answers: list[Answer], probes: list[str]) -> None:
    """One server's fate."""
    complete = sum(answer.complete for answer in answers)
    runs: list[str] = []
    for probe in probes:
        if not runs or not runs[-1].startswith(f"{probe} x "):
            runs.append(f"{probe} x 0")
        runs[-1] = f"{probe} x {int(runs[-1].rpartition(' ')[2]) + 1}"
    texts = {answer.choices[0]["text"] for answer in answers if answer.complete}
    print(f"{name:<10}{complete} of {STREAMS} streams complete ({len(texts)} different texts)")
    print(f"{'':<10}a request each second: {', then '.join(runs)}; in all {dict(Counter(probes))}", flush=True)


def main() -> None:
    """Both, one after the other."""
    with vllm_server() as (url, pid):
        show("vllm serve", *asyncio.run(torment(url, pid)))
    with chaos_service() as service:
        service.wait_until_ready()
        show("tidegate", *asyncio.run(torment(service.url, service.pid)))


if __name__ == "__main__":
    main()

"""The load generator: closed-loop clients that do nothing but count, in a process of its own.

It must cost far less than any server under test, so it is a bare epoll loop over non-blocking sockets. Whatever is
not exactly as ordered (status, number of events, end of the stream) ends the run with an error.
"""

import json
import select
import subprocess
import sys
import time
from typing import Final

import msgspec

from loadtest.bench.connection import Connection
from loadtest.bench.response import Expected, LoadError

STALL_SECONDS: Final = 60.0
"""Silence after which the server counts as hanging."""

PROMPT: Final = "What is the capital of France?"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. Either `seconds` or `requests_per_client` says when each client stops."""

    port: int
    model: str
    clients: int
    expected: Expected
    seconds: float | None = None
    requests_per_client: int | None = None
    pause_seconds: float = 0.0
    """Rest between two looks at the sockets. Without it a fast machine reads every event by itself, at the price of a
    wake-up that the kernel charges to the server's `send`; where times are measured, there must be none."""

    def request(self) -> bytes:
        """The HTTP request that every client repeats."""
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": PROMPT}],
            "max_tokens": self.expected.tokens,
            "temperature": 0,
            "ignore_eos": True,
            "stream": self.expected.stream,
        }
        if self.expected.stream and not self.expected.event_per_token:
            body["stream_options"] = {"include_usage": True}
        content = json.dumps(body).encode()
        return (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (self.port, len(content), content)
        )


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, from the first request sent to the last response read."""

    responses: int
    tokens: int
    events: int
    """All `data:` events, with those that carry no text."""
    writes: list[int]
    """HTTP chunks of some of the responses."""
    seconds: float
    cpu_seconds: float
    """The generator's own."""
    first_token_seconds: list[float]
    response_seconds: list[float]


def generate(load: Load) -> LoadResult:
    """Run the load in this thread. Raises `LoadError`."""
    request = load.request()
    clients = [Connection(load.port, request, load.expected) for _ in range(load.clients)]
    cpu, started = time.process_time(), time.perf_counter()
    try:
        _run(clients, load, started + load.seconds if load.seconds else None)
    finally:
        for client in clients:
            client.close()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    responses = [each for client in clients for each in client.response_seconds]
    return LoadResult(
        responses=len(responses),
        tokens=len(responses) * load.expected.tokens,
        events=sum(client.events for client in clients),
        writes=[each for client in clients for each in client.writes],
        seconds=seconds,
        cpu_seconds=cpu,
        first_token_seconds=[each for client in clients for each in client.first_token_seconds],
        response_seconds=responses,
    )


def _run(clients: list[Connection], load: Load, deadline: float | None) -> None:
    poller = select.epoll()
    by_descriptor = {client.fileno(): client for client in clients}
    for client in clients:
        poller.register(client, select.EPOLLIN)
        client.send()
    busy = len(clients)
    while busy:
        time.sleep(load.pause_seconds)
        ready = poller.poll(STALL_SECONDS)
        if not ready:
            raise LoadError(f"{busy} responses have been silent for {STALL_SECONDS:.0f} s")
        for descriptor, _ in ready:
            client = by_descriptor[descriptor]
            if not client.receive():
                continue
            if client.sent == load.requests_per_client or (deadline is not None and time.perf_counter() >= deadline):
                poller.unregister(client)
                busy -= 1
            else:
                client.send()


def run_load(load: Load) -> LoadResult:
    """Run the load in a process of its own. Raises `LoadError` with what that process had to say."""
    command = [sys.executable, "-m", "loadtest.bench.load", msgspec.json.encode(load).decode()]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise LoadError(done.stderr.decode().strip())
    return msgspec.json.decode(done.stdout, type=LoadResult)


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(msgspec.json.encode(generate(msgspec.json.decode(sys.argv[1], type=Load))))
    except LoadError as error:
        sys.exit(str(error))

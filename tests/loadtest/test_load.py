"""The load generator counts exactly, however the bytes arrive, and stands for nothing that is not as ordered."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from loadtest.bench.load import Load, LoadResult, generate
from loadtest.bench.response import Expected, LoadError
from tests.loadtest.scripted_server import chunked, scripted_server, stream

TOKENS = 20


async def load(pieces: Sequence[bytes], *, clients: int = 1, requests: int = 1, whole: bool = False) -> LoadResult:
    expected = Expected(tokens=TOKENS, stream=not whole)
    async with scripted_server(pieces) as port:
        wanted = Load(port=port, model="m", clients=clients, expected=expected, requests_per_client=requests)
        return await asyncio.to_thread(generate, wanted)


async def test_every_event_of_every_client_is_counted() -> None:
    result = await load([chunked(stream(TOKENS))], clients=5, requests=7)
    assert (result.responses, result.tokens, result.events) == (35, 35 * TOKENS, 35 * (TOKENS + 3))
    assert len(result.first_token_seconds) == len(result.response_seconds) == 35


async def test_writes_that_split_events_change_nothing() -> None:
    data = chunked(stream(TOKENS))
    result = await load([data[i : i + 1] for i in range(len(data))], requests=2)
    assert (result.responses, result.events) == (2, 2 * (TOKENS + 3))
    assert len(result.first_token_seconds) == 2
    assert all(map(float.__lt__, result.first_token_seconds, result.response_seconds))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
async def test_http_chunks_that_split_events_change_nothing(size: int) -> None:
    data = stream(TOKENS)
    result = await load([chunked(*(data[i : i + size] for i in range(0, len(data), size)))])
    assert result.events == TOKENS + 3
    assert result.writes == [-(-len(data) // size)]


async def test_a_response_larger_than_the_buffer_is_counted() -> None:
    comment = b": " + b"x" * 1_000_000 + b"\n\n"
    result = await load([chunked(comment, stream(TOKENS))], requests=2)
    assert result.events == 2 * (TOKENS + 3)


@pytest.mark.parametrize("tokens", [0, TOKENS - 1, TOKENS + 1])
async def test_a_stream_of_another_length_is_an_error(tokens: int) -> None:
    with pytest.raises(LoadError, match=f"expected {TOKENS} events with text, counted {tokens}"):
        await load([chunked(stream(tokens))])


async def test_a_stream_without_done_is_an_error() -> None:
    with pytest.raises(LoadError, match=r"expected one \[DONE\], counted 0"):
        await load([chunked(stream(TOKENS, done=False))])


async def test_a_connection_closed_in_mid_stream_is_an_error() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(chunked(stream(TOKENS))[:500])
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        wanted = Load(port=port, model="m", clients=1, expected=Expected(tokens=TOKENS), requests_per_client=1)
        with pytest.raises(LoadError, match="closed the connection"):
            await asyncio.to_thread(generate, wanted)


async def test_a_status_other_than_200_is_an_error() -> None:
    with pytest.raises(LoadError, match=r"not a 200: .*503 Service Unavailable"):
        await load([b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}"])


@pytest.mark.parametrize(("tokens", "right"), [(TOKENS, True), (TOKENS - 1, False), (TOKENS * 10, False)])
async def test_a_whole_response_is_believed_by_its_usage(tokens: int, right: bool) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1 + tokens}
    document = {"choices": [{"message": {"content": "x"}, "finish_reason": "length"}], "usage": usage}
    body = json.dumps(document, separators=(",", ":")).encode()
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    if right:
        assert (await load([response[:90], response[90:]], requests=3, whole=True)).responses == 3
        return
    with pytest.raises(LoadError, match=f"expected {TOKENS} tokens, usage says"):
        await load([response], whole=True)

"""`Trap`: a server that must never be called: whoever follows an address in a request is seen here."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.bad_input.row import CHAT, Row, asks
from tests.bad_input.thrown import Thrown, throw
from tests.grammar_bombs import schema


class Trap:
    """Counts those who called."""

    def __init__(self) -> None:
        self.calls = 0
        self.url = ""

    def take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody called."""
        self.calls += 1
        writer.close()

    def rows(self) -> list[Row]:
        """Requests that name the trap's address, wherever vLLM's own server might follow it."""
        parts = [
            {"type": "image_url", "image_url": {"url": f"{self.url}/a.png"}},
            {"type": "image_url", "image_url": {"url": f"file://{self.url}"}},
            {"type": "video_url", "video_url": {"url": f"{self.url}/a.mp4"}},
            {"type": "audio_url", "audio_url": {"url": f"{self.url}/a.wav"}},
            {"type": "input_audio", "input_audio": {"data": self.url, "format": "wav"}},
        ]
        fields: list[dict[str, Any]] = [{"messages": [{"role": "user", "content": [part]}]} for part in parts]
        fields += [
            {"chat_template": self.url},
            {"documents": [{"url": self.url}]},
            {"kv_transfer_params": {"remote_host": "127.0.0.1", "remote_port": self.url}},
            {"web_search_options": {"url": self.url}},
            schema({"$ref": f"{self.url}/schema.json"}),
        ]
        return [asks("addresses", CHAT, each, 400, milliseconds=1000) for each in fields]


@contextlib.asynccontextmanager
async def trap() -> AsyncIterator[Trap]:
    """A trap that is set."""
    waiting = Trap()
    server = await asyncio.start_server(waiting.take, "127.0.0.1", 0)
    waiting.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield waiting


async def walk_into(port: int, model: str, waiting: Trap) -> list[Thrown]:
    """Throw all of the trap's rows."""
    return [await throw(port, model, row) for row in waiting.rows()]

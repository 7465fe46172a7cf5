"""There are only so many connections; the first ones over the cap are told so, the others are closed."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from service.transport.protocol import CONNECTIONS_TO_REFUSE
from tests.api.connection import CANARY, connection
from tests.api.live import LiveApp, live_app, settings
from tests.transport.test_connections import chat, idle


@pytest.fixture
async def small_app() -> AsyncIterator[LiveApp]:
    """A service for two connections."""
    chosen = settings()
    server = chosen.server.model_copy(update={"max_connections": 2, "head_timeout_seconds": 3})
    async with live_app(chosen.model_copy(update={"server": server})) as app:
        yield app


async def test_one_connection_too_many_is_told_to_come_back(small_app: LiveApp) -> None:
    async with connection(small_app) as one, connection(small_app) as two, connection(small_app) as three:
        await three.send(chat(stream=True))
        refused = await three.answer()
        assert (refused.status, refused.code) == (503, "too_many_connections")
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("5", "close")
        assert await three.rest() == b""
        for welcome in (one, two):
            await welcome.send(CANARY)
            assert (await welcome.answer()).status == 200
    assert b'outcome="unavailable",route="other"} 1.0' in small_app.telemetry.render(b"")


async def test_who_comes_when_another_has_left_is_welcome(small_app: LiveApp) -> None:
    async with connection(small_app), connection(small_app):
        pass
    await idle(small_app)
    async with connection(small_app) as later:
        await later.send(chat())
        assert (await later.answer()).status == 200


async def test_beyond_those_that_are_told_nobody_is(small_app: LiveApp) -> None:
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(2 + CONNECTIONS_TO_REFUSE):
            await opened.enter_async_context(connection(small_app))
        last = await opened.enter_async_context(connection(small_app))
        with contextlib.suppress(ConnectionResetError):
            assert await last.rest() == b""


async def test_operators_have_connections_of_their_own(small_app: LiveApp) -> None:
    operator = httpx.AsyncClient(base_url=small_app.management_url)
    async with connection(small_app), connection(small_app), connection(small_app), operator:
        assert (await operator.get("/health/ready")).status_code == 200

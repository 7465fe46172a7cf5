"""The fixtures of the API tests, on the event loop that the service runs on."""

import asyncio
from collections.abc import Callable

import uvloop

from tests.api.conftest import app, slow_app

__all__ = ["app", "slow_app"]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop's transports are not asyncio's: they differ in class, in buffers and in how they end."""
    return {"uvloop": uvloop.new_event_loop}

"""Every row of the table of bad input that needs no real engine, thrown at the whole service."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.live import MODEL, LiveApp, live_app, settings
from tests.bad_input.row import Row
from tests.bad_input.table import FOR_ANY_ENGINE
from tests.bad_input.thrown import canary, throw

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[tuple[LiveApp, str]]:
    """One service for all rows, and the song of its canary."""
    chosen = settings()
    # Larger bodies than other tests need, and time for them on a busy machine.
    server = chosen.server.model_copy(update={"max_body_bytes": 2 * 1024**2, "body_timeout_seconds": 1.0})
    async with live_app(chosen.model_copy(update={"server": server})) as app:
        yield app, await canary(app.port, MODEL)


@pytest.mark.parametrize("row", FOR_ANY_ENGINE, ids=str)
async def test_bad_input_is_answered_as_the_table_says(running: tuple[LiveApp, str], row: Row) -> None:
    app, song = running
    thrown = await throw(app.port, MODEL, row)
    assert not thrown.faults, thrown.line
    assert await canary(app.port, MODEL) == song
    assert app.lifecycle.in_flight == 0

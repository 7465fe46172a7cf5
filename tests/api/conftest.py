"""Fixtures of the API tests."""

from collections.abc import AsyncIterator

import pytest

from tests.api.live import LiveApp, embedding_settings, live_app, settings


@pytest.fixture
async def app() -> AsyncIterator[LiveApp]:
    """A ready service that answers at once: "The tide comes in, the tide goes out.", eight tokens."""
    async with live_app(settings(text="The tide comes in, the tide goes out.")) as running:
        yield running


@pytest.fixture
async def slow_app() -> AsyncIterator[LiveApp]:
    """A ready service with 5 ms between tokens."""
    async with live_app(settings(itl_seconds=0.005)) as running:
        yield running


@pytest.fixture
async def embedding_app() -> AsyncIterator[LiveApp]:
    """A ready service that gives embeddings at once."""
    async with live_app(embedding_settings()) as running:
        yield running

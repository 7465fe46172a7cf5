"""`ListenerConfig`: uvicorn's configuration as both of our listeners use it."""

from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from service.settings import ServerSettings
from service.transport.protocol import GuardedProtocol

KEEP_ALIVE_SECONDS: Final = 75

MANAGEMENT_CONNECTIONS: Final = 64
"""Enough for probes and scrapers. They do not count as public ones, so operators get in when nobody else does."""


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """What one connection may cost, and how many there may be."""

    connections: int
    head_bytes: int
    head_seconds: float
    write_seconds: float


class ListenerConfig(uvicorn.Config):
    """No lifespan, no WebSockets, no logs but ours, and `GuardedProtocol` on each connection.

    `connections` is how many there may be, if that is not the settings' business.
    """

    def __init__(
        self, app: ASGIApp, server: ServerSettings, *, close_seconds: int, connections: int | None = None
    ) -> None:
        super().__init__(
            app,
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Nothing here looks at the client's address.
            proxy_headers=False,
            # Longer than clients keep idle connections (httpx: 5 s), or they would send into one that we close.
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=close_seconds,
        )
        self.limits = TransportLimits(
            server.max_connections if connections is None else connections,
            server.max_header_bytes,
            server.head_timeout_seconds,
            server.write_timeout_seconds,
        )

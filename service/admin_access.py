"""`AdminAccess`: who may change what is served. ASGI middleware of the management listener.

Whatever is no plain reading needs the token of the settings. Where there is none, only this machine may change
anything: the listener must be bound to loopback, and no web page may be behind the request. Reading (health, metrics)
stays open for probes and for Prometheus.
"""

import hashlib
import hmac
import ipaddress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import AuthenticationError, PermissionDeniedError, TidegateError
from service.middleware import send_error
from service.settings import ManagementSettings

READING: Final = frozenset({"GET", "HEAD"})


class AdminAccess:
    """Refuses changes by those who may make none, before anything of their request is read."""

    def __init__(self, app: ASGIApp, *, management: ManagementSettings) -> None:
        self._app = app
        token = management.token
        self._digest = _digest(token.get_secret_value().encode()) if token is not None else None
        self._on_loopback = is_loopback(management.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING and (refusal := self._refusal(scope)):
            await send_error(refusal, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> TidegateError | None:
        headers = Headers(scope=scope)
        if self._digest is not None:
            return (
                None
                if self._shows_token(headers, self._digest)
                else AuthenticationError(
                    "Changes need the token of the setting management.token. Send it as 'Authorization: Bearer TOKEN'."
                )
            )
        if not self._on_loopback:
            return PermissionDeniedError(
                "Without management.token nothing can be changed here, for management.host is not this machine alone. "
                "Set management.token, or management.host to 127.0.0.1, and start again."
            )
        if "origin" in headers:
            # A browser adds it. A page from anywhere reaches loopback, and by its own name too (DNS rebinding).
            return PermissionDeniedError(
                "Without management.token no web page can change anything here. Set management.token, or use a client "
                "that sends no Origin."
            )
        return None

    def _shows_token(self, headers: Headers, digest: bytes) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Digests, so that the time tells nothing of the length either. Headers are latin-1 (RFC 9110, 5.5).
        matches = hmac.compare_digest(_digest(given.strip().encode("latin-1")), digest)
        return scheme.lower() == "bearer" and matches


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is one that only this machine can reach. Other names than localhost are not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()

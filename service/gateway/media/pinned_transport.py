"""`PinnedTransport`: connects to an address that was looked at before, not to whatever a name means a moment later."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import httpx

from service.gateway.media.address import is_public

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host's name and a port to addresses, as text. Raises `OSError`."""


class PrivateAddressError(Exception):
    """The name leads to an address that is not of the public internet."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system finds them, the preferred first."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves each host once, refuses it if any of its addresses is private, and connects to those very addresses.

    The host's name stays in the `Host` header, and is what the certificate is checked against. Connections are not
    kept: another name with the same address must not use one whose certificate was checked for this name.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport | None = None,
        *,
        tls: ssl.SSLContext,
        resolve: Resolver = resolve,
        allow_private: bool = False,
    ) -> None:
        self._inner = inner or httpx.AsyncHTTPTransport(
            verify=tls, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._resolve = resolve
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises `PrivateAddressError`, `OSError` for a name without addresses, or what httpx raises."""
        name = request.url.raw_host.decode("ascii")
        failure: httpx.ConnectError | None = None
        for address in await self._addresses(name, request.url.port or {"http": 80, "https": 443}[request.url.scheme]):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                extensions={**request.extensions, "sni_hostname": name},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError("no address")

    async def _addresses(self, name: str, port: int) -> Sequence[str]:
        addresses = await self._resolve(name, port)
        if not self._allow_private and not all(is_public(ipaddress.ip_address(each)) for each in addresses):
            raise PrivateAddressError
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()

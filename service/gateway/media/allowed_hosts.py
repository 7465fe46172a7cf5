"""`AllowedHosts`: the hosts that images may be fetched from, by the names that URLs give them."""

import re
from collections.abc import Iterable
from typing import Final

import httpx

NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
"""A host's name, an IPv4 address or an IPv6 address. The parser of URLs lets stranger ones through."""


class AllowedHosts:
    """Entries are `name`, `*.suffix`, `[IPv6]`; with `:port` for ports other than the scheme's own."""

    def __init__(self, entries: Iterable[str]) -> None:
        pairs = [_split(entry.lower()) for entry in entries]
        self._names = frozenset(pair for pair in pairs if not pair[0].startswith("*"))
        self._suffixes = tuple((name.removeprefix("*"), port) for name, port in pairs if name.startswith("*"))

    def allow(self, url: httpx.URL) -> bool:
        """Whether the URL's host and port are among them. Names are compared as they go over the wire (punycode)."""
        host = url.raw_host.decode("ascii")
        if not NAME.fullmatch(host):
            return False
        return (host, url.port) in self._names or any(
            host.endswith(suffix) and len(host) > len(suffix) and url.port == port for suffix, port in self._suffixes
        )


def _split(entry: str) -> tuple[str, int | None]:
    name, colon, port = entry.rpartition(":")
    if not colon or entry.endswith("]"):
        return entry.strip("[]"), None
    return name.strip("[]"), int(port)

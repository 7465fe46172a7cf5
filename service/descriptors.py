"""File descriptors: one per connection, and the operating system's limit on them."""

import resource
from typing import Final

from service.errors import ConfigurationError
from service.transport.config import MANAGEMENT_CONNECTIONS
from service.transport.protocol import CONNECTIONS_TO_REFUSE

OTHER_DESCRIPTORS: Final = 128
"""Log, sockets, pipes to the engine's process, and a library's file now and then."""


def raise_limit(connections: int) -> None:
    """Have room for so many public connections. Raises `ConfigurationError` where the system does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limit_needed(connections, None if hard == resource.RLIM_INFINITY else hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def limit_needed(connections: int, hard: int | None) -> int:
    """Descriptors for so many public connections; `hard` is the most that there may be, None for any number."""
    besides = MANAGEMENT_CONNECTIONS + 2 * CONNECTIONS_TO_REFUSE + OTHER_DESCRIPTORS
    needed = connections + besides
    if hard is not None and needed > hard:
        raise ConfigurationError(
            f"server.max_connections is {connections}, which takes {needed} file descriptors, but this process may "
            f"have only {hard}; use at most {max(hard - besides, 0)}, or raise the limit (ulimit -Hn)"
        )
    return needed

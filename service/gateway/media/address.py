"""Which addresses are those of the public internet, and which belong to networks of one's own.

Source: IANA's special-purpose address registries. Python's `is_global` knows most, and more in newer releases.
"""

import ipaddress
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

INTERNET: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("2000::/3"))
"""All of IPv6 outside is reserved, local, or another way to write an IPv4 address (mapped, NAT64)."""

SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.88.99.0/24",  # relays of 6to4
            "224.0.0.0/4",  # multicast
            "168.63.129.16/32",  # Azure's virtual machines ask their host here
            "2001::/23",  # IETF protocol assignments, Teredo among them
            "2002::/16",  # 6to4, which holds an IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: Address) -> bool:
    """Whether anyone on the internet may reach it, as opposed to this machine, its neighbours and its provider's."""
    return (
        address.is_global
        and any(address in network for network in INTERNET)
        and not any(address in network for network in SPECIAL)
    )

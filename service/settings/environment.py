"""The layer of the environment: `TIDEGATE_<SECTION>_<NAME>`. Sections are single words, so that this is unambiguous."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from service.settings.given import Given

PREFIX: Final = "TIDEGATE_"
CONFIG_VARIABLE: Final = "TIDEGATE_CONFIG"
NOT_SETTINGS: Final = frozenset({CONFIG_VARIABLE, "TIDEGATE_CACHE_DIR"})
"""Variables of ours that are no settings."""

# Kubernetes tells every pod of the Services in its namespace: a Service named "tidegate" sets TIDEGATE_SERVICE_HOST,
# TIDEGATE_PORT_8000_TCP_ADDR and others, one named "tidegate-server" even TIDEGATE_SERVER_PORT=tcp://10.0.0.7:8000.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK: Final = re.compile(r"\w+_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")


def read_environment(environ: Mapping[str, str], sections: Iterable[str]) -> list[Given]:
    """The values of all variables that begin with TIDEGATE_, but for those that Kubernetes sets."""
    sections = frozenset(sections)
    given: list[Given] = []
    for variable, value in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS and not _is_service_link(variable, value):
            words = variable.removeprefix(PREFIX).lower()
            section, _, name = words.partition("_")
            key = f"{section}.{name}" if section in sections else words
            given.append(Given(key, value, f"environment {variable}", is_text=True))
    return given


def _is_service_link(variable: str, value: str) -> bool:
    if _SERVICE_LINK.fullmatch("_" + variable):
        return True
    return variable.endswith("_PORT") and _SERVICE_ADDRESS.match(value) is not None

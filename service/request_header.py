"""One header field of a request, as it was sent.

Starlette's `Headers` decodes and compares all of them for each question, which counts where every request asks a few.
"""

from starlette.types import Scope


def header_of(scope: Scope, name: bytes) -> bytes:
    """The first field of this name, which is in lower case; empty if there is none."""
    for each, value in scope["headers"]:
        if each == name:
            field: bytes = value
            return field
    return b""

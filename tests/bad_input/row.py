"""`Row`: one bad input as data, and the short ways to write one."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final, TypeAlias

MARK: Final = "hush-7f3a9c"
"""Stands in every prompt and in every key: it must never be found in a log."""

CHAT: Final = "/v1/chat/completions"
COMPLETIONS: Final = "/v1/completions"
USER: Final = {"role": "user", "content": MARK}

Pieces: TypeAlias = Callable[[str], Iterable[bytes]]
"""What is sent for a model's name, piece by piece."""


class Absent:
    """In place of a value: the field is not sent."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is sent, and what must come back: within so many milliseconds, on a machine that does nothing else."""

    group: str
    name: str
    pieces: Pieces
    status: int
    code: str | None = None
    param: str | EllipsisType | None = ...
    milliseconds: int = 50

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


def http(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes. Underscores in names of headers stand for dashes."""
    lines = {"host": "x", "authorization": f"Bearer sk-{MARK}", **headers}
    if body:
        lines["content-length"] = str(len(body))
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def post(path: str, document: Any, **headers: str) -> bytes:
    """A POST of JSON."""
    return http("POST", path, json.dumps(document).encode(), **{"content_type": "application/json", **headers})


def body_for(path: str, model: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A good body with these fields."""
    base: dict[str, Any] = {"model": model, "max_tokens": 4, "temperature": 0}
    base |= {"messages": [USER]} if path == CHAT else {"prompt": MARK}
    return {name: value for name, value in {**base, **fields}.items() if value is not Absent}


def asks(
    group: str,
    path: str,
    fields: dict[str, Any],
    status: int,
    code: str | None = None,
    param: str | EllipsisType | None = ...,
    *,
    name: str = "",
    milliseconds: int = 50,
    **headers: str,
) -> Row:
    """A good request with these fields in it."""

    def pieces(model: str) -> Iterable[bytes]:
        yield post(path, body_for(path, model, fields), **headers)

    return Row(group, name or shortened(fields), pieces, status, code, param, milliseconds)


def sends(group: str, name: str, pieces: Iterable[bytes], status: int, code: str | None = None, **more: Any) -> Row:
    """Bytes that are the same for every model."""
    return Row(group, name, lambda _: pieces, status, code, **more)


def shortened(fields: dict[str, Any]) -> str:
    """The fields as a list can show them."""
    text = json.dumps({name: "absent" if value is Absent else value for name, value in fields.items()})
    return text if len(text) <= 70 else f"{text[:50]} ... ({len(text)} characters)"

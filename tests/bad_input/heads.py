"""Heads: malformed, ambiguous, too large; paths and methods that are not there; hosts that would choose a route."""

from collections.abc import Iterator
from typing import Final

from tests.bad_input.row import Row, http, post, sends
from tests.transport.test_heads import LARGE, MALFORMED

ELSEWHERE: Final = (
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("POST", "/v1/load_lora_adapter"),
    ("POST", "/v1/unload_lora_adapter"),
    ("GET", "/v1/chat/completions/"),
    ("GET", "//v1/models"),
    ("GET", "/v1/../metrics"),
    ("GET", "/%2e%2e/metrics"),
    ("GET", "/v1/models/..%2f..%2fetc%2fpasswd"),
    ("POST", "/v1/chat/completions%00"),
    ("GET", "/" + "a" * 8000),
)
METHODS: Final = (("GET", "/v1/chat/completions"), ("DELETE", "/v1/models"), ("OPTIONS", "/v1/models"))
HOSTS: Final = ("a/b?c", "x/metrics?", "@evil", "evil.example:99999", "[::1")


def rows() -> Iterator[Row]:
    """All of them."""
    for name, sent in MALFORMED.items():
        yield sends("heads", name, [sent], 400, "malformed_request")
    for name, (status, pieces) in LARGE.items():
        yield sends("heads", name, pieces, status, milliseconds=500)
    for method, path in ELSEWHERE:
        yield sends("paths", f"{method} {path[:40]}", [http(method, path)], 404)
    for method, path in METHODS:
        yield sends("methods", f"{method} {path}", [http(method, path)], 405, "method_not_allowed")
    for host in HOSTS:
        yield sends("hosts", host, [http("GET", "/v1/models", host=host)], 200)
        yield sends("hosts", f"{host} and no path", [http("GET", "/nothing", host=host)], 404, "not_found")
    yield sends("upgrades", "h2c", [http("GET", "/v1/models", connection="upgrade", upgrade="h2c")], 200)
    yield sends("paths", "adapters", [post("/v1/load_lora_adapter", {"lora_name": "x", "lora_path": "/etc"})], 404)

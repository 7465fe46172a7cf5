"""Who asks, and for what: request ids, headers that steer vLLM, models that are paths."""

from collections.abc import Iterator
from typing import Any, Final

from tests.bad_input.row import CHAT, Row, asks

STEERING: Final = {
    "X-Vllm-Priority": "-100",
    "X-Session-ID": "somebody-elses",
    "X-data-parallel-rank": "70707",
    "X-Request-Id": "a-callers-own",
}
"""vLLM's own server listens to these."""

TRACES: Final = (
    {"traceparent": "00-zz-zz-01"},
    {"traceparent": "00-" + "0" * 32 + "-" + "0" * 16 + "-01"},
    {"traceparent": "x" * 5000},
    {"traceparent": "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b," * 2000},
    {"tracestate": "=;,=", "baggage": "a=%00,b"},
)

REQUEST_IDS: Final = ("a b", "x" * 129, "é", "<script>", "a;b", "../x", "%0a")

MODELS: Final = (
    "none",
    "/etc/passwd",
    "../../etc",
    "https://evil.example/model",
    "a\nb\x1b[31m\u202e",
    "x" * 100_000,
)

LORA: Final[list[dict[str, Any]]] = [
    {"lora_path": "/etc"},
    {"lora_request": {"lora_name": "a", "lora_path": "/etc"}},
    {"adapter": "/etc"},
]


def rows() -> Iterator[Row]:
    """All of them."""
    for name, value in STEERING.items():
        yield asks("headers", CHAT, {}, 200, name=name, milliseconds=10_000, **{name.replace("-", "_"): value})
    for trace in TRACES:
        yield asks("traces", CHAT, {}, 200, name=str(trace)[:60], milliseconds=10_000, **trace)
    for given in REQUEST_IDS:
        yield asks("request ids", CHAT, {}, 200, name=given[:20], milliseconds=10_000, x_request_id=given)
    for model in MODELS:
        yield asks("models", CHAT, {"model": model}, 404, "model_not_found", "model")
    for fields in LORA:
        yield asks("adapters", CHAT, fields, 400, "unknown_parameter", next(iter(fields)))

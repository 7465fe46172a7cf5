"""One OpenTelemetry span per request, by the GenAI conventions, sent over OTLP/HTTP; nothing unless it is configured.

opentelemetry is imported when a tracer is built, never with this module. Spans are sent by a thread of the SDK, so the
event loop never waits for the collector. No prompt and no output is ever put on a span.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    from service.settings import TracingSettings

TRACES_PATH: Final = "/v1/traces"

OPERATIONS: Final = {"completions": "text_completion"}
"""The conventions' names of our routes, where they differ."""

LONGEST_NAME: Final = 200
"""Characters kept of a model's name, which is what the caller sent."""

EXPORT_TIMEOUT_SECONDS: Final = 5.0
"""Bound on sending one batch, and on what a collector that is gone adds to the time that the process takes to end."""


class RequestSpan:
    """The span of one request. `end` it exactly once or more often: only the first call counts."""

    __slots__ = ("_ended", "_propagator", "_span")

    def __init__(self, span: "Span", propagator: "TraceContextTextMapPropagator") -> None:
        self._span = span
        self._propagator = propagator
        self._ended = False

    def propagation_headers(self) -> dict[str, str]:
        """`traceparent` and `tracestate` under which the engine continues this trace."""
        from opentelemetry.context import Context
        from opentelemetry.trace import set_span_in_context

        headers: dict[str, str] = {}
        self._propagator.inject(headers, set_span_in_context(self._span, Context()))
        return headers

    def end(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        finish_reasons: Sequence[str] = (),
        error_type: str | None = None,
    ) -> None:
        """The request is over; `finish_reasons` has one entry per choice that was completed."""
        if self._ended:
            return
        self._ended = True
        span = self._span
        if input_tokens is not None:
            span.set_attribute("gen_ai.usage.input_tokens", input_tokens)
        if output_tokens is not None:
            span.set_attribute("gen_ai.usage.output_tokens", output_tokens)
        if finish_reasons:
            span.set_attribute("gen_ai.response.finish_reasons", tuple(finish_reasons))
        if error_type is not None:
            from opentelemetry.trace import StatusCode

            span.set_attribute("error.type", error_type)
            span.set_status(StatusCode.ERROR)
        span.end()


class Tracer:
    """Makes the spans of requests. Owns the SDK's exporting thread; whoever built the tracer shuts it down."""

    def __init__(self, provider: "TracerProvider", propagator: "TraceContextTextMapPropagator") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tidegate")
        self._propagator = propagator

    def start(self, operation: str, model: str, headers: Mapping[str, str]) -> RequestSpan:
        """Begin the span of a request; it continues the trace that `traceparent` in `headers` names, if it names one.

        `operation` is a route's name or one of the conventions' operations.
        """
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind

        operation = OPERATIONS.get(operation, operation)
        # A lone surrogate cannot be exported, and would take the other spans of its batch with it.
        model = model[:LONGEST_NAME].encode("utf-8", "replace").decode()
        span = self._tracer.start_span(
            f"{operation} {model}",
            context=self._propagator.extract(headers, Context()),
            kind=SpanKind.SERVER,
            attributes={
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": "tidegate",
                "gen_ai.request.model": model,
            },
        )
        return RequestSpan(span, self._propagator)

    def shutdown(self, timeout_seconds: float = EXPORT_TIMEOUT_SECONDS) -> None:
        """Send what is left and stop; blocks until that is done or the time is over. Idempotent."""
        # The SDK's own bound is 30 s and cannot be changed, which is more than a collector that hangs is worth:
        # https://github.com/open-telemetry/opentelemetry-python/issues/4623
        stopping = threading.Thread(target=self._provider.shutdown, name="tidegate-tracing", daemon=True)
        stopping.start()
        stopping.join(timeout_seconds)


def build_tracer(settings: "TracingSettings") -> Tracer | None:
    """The tracer that the settings ask for, None if they ask for none.

    Raises `ConfigurationError` for an endpoint that is no HTTP address.
    """
    if settings.otlp_endpoint is None:
        return None
    endpoint = traces_endpoint(settings.otlp_endpoint)

    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    from opentelemetry.util.re import parse_env_headers

    secret = settings.otlp_headers
    headers = parse_env_headers(secret.get_secret_value(), liberal=True) if secret is not None else {}
    exporter = OTLPSpanExporter(endpoint=endpoint, headers=headers, timeout=EXPORT_TIMEOUT_SECONDS)
    resource = Resource.create({SERVICE_NAME: settings.service_name})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracer(provider, TraceContextTextMapPropagator())


def traces_endpoint(base: str) -> str:
    """Where spans are posted, given the collector's base URL. Raises `ConfigurationError`."""
    if not base.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"tracing.otlp_endpoint is '{base}', but must begin with http:// or https://. "
            f"Give the collector's OTLP/HTTP address, such as http://localhost:4318."
        )
    base = base.rstrip("/")
    return base if base.endswith(TRACES_PATH) else base + TRACES_PATH

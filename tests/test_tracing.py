"""Spans, as a collector receives them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.errors import ConfigurationError
from service.settings import TracingSettings
from service.tracing import Tracer, build_tracer, traces_endpoint
from tests.otlp_collector import Collector

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.close()


@pytest.fixture
def tracer(collector: Collector) -> Iterator[Tracer]:
    built = build_tracer(TracingSettings(otlp_endpoint=collector.endpoint, service_name="tide-test"))
    assert built is not None
    yield built
    built.shutdown()


def exported(tracer: Tracer, collector: Collector) -> Span:
    """The one span that was ended. Shuts the tracer down to have it sent."""
    tracer.shutdown()
    (resource,) = collector.received.get(timeout=5)[2].resource_spans
    span: Span
    (span,) = resource.scope_spans[0].spans
    return span


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}


def test_span_follows_the_genai_conventions(tracer: Tracer, collector: Collector) -> None:
    tracer.start("chat", "tiny", {}).end(input_tokens=12, output_tokens=3, finish_reasons=["stop", "length"])
    span = exported(tracer, collector)
    assert (span.name, span.kind, span.status.code) == ("chat tiny", Span.SPAN_KIND_SERVER, Status.STATUS_CODE_UNSET)
    found = attributes(span)
    reasons = found.pop("gen_ai.response.finish_reasons")
    assert [value.string_value for value in reasons.values] == ["stop", "length"]
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "tidegate",
        "gen_ai.request.model": "tiny",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
    }


def test_completions_are_text_completion_in_the_conventions(tracer: Tracer, collector: Collector) -> None:
    tracer.start("completions", "tiny", {}).end()
    span = exported(tracer, collector)
    assert span.name == "text_completion tiny"
    assert attributes(span)["gen_ai.operation.name"] == "text_completion"


def test_error_is_told_by_its_type(tracer: Tracer, collector: Collector) -> None:
    tracer.start("chat", "tiny", {}).end(error_type="EngineUnavailableError")
    span = exported(tracer, collector)
    assert attributes(span)["error.type"] == "EngineUnavailableError"
    assert span.status.code == Status.STATUS_CODE_ERROR


def test_given_trace_is_continued_and_handed_on(tracer: Tracer, collector: Collector) -> None:
    request_span = tracer.start("chat", "tiny", {"traceparent": PARENT, "tracestate": "vendor=1"})
    onward = request_span.propagation_headers()
    request_span.end()
    span = exported(tracer, collector)
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert span.parent_span_id.hex() == "b7ad6b7169203331"
    assert onward == {
        "traceparent": f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01",
        "tracestate": "vendor=1",
    }


@pytest.mark.parametrize("given", [{}, {"traceparent": "nonsense"}, {"traceparent": "", "tracestate": "\x00=,"}])
def test_without_a_valid_parent_a_new_trace_begins(given: dict[str, str], tracer: Tracer, collector: Collector) -> None:
    tracer.start("chat", "tiny", given).end()
    assert exported(tracer, collector).parent_span_id == b""


def test_second_end_has_no_effect(tracer: Tracer, collector: Collector) -> None:
    span = tracer.start("chat", "tiny", {})
    span.end(output_tokens=3)
    span.end(output_tokens=4, error_type="InternalError")
    assert attributes(exported(tracer, collector))["gen_ai.usage.output_tokens"] == 3
    assert collector.received.empty()


def test_unencodable_or_endless_model_name_does_not_lose_the_span(tracer: Tracer, collector: Collector) -> None:
    tracer.start("chat", "\ud800" + "x" * 100_000, {}).end()
    span = exported(tracer, collector)
    assert span.name == "chat ?" + "x" * 199


def test_export_names_the_service_and_carries_the_configured_headers(collector: Collector) -> None:
    settings = {"otlp_endpoint": collector.endpoint, "otlp_headers": "authorization=Bearer%20s3cret,x-team=tide"}
    tracer = build_tracer(TracingSettings.model_validate({**settings, "service_name": "tide-test"}))
    assert tracer is not None
    tracer.start("chat", "tiny", {}).end()
    tracer.shutdown()
    path, headers, request = collector.received.get(timeout=5)
    assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    assert (headers["authorization"], headers["x-team"]) == ("Bearer s3cret", "tide")
    resource = {each.key: each.value.string_value for each in request.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "tide-test"


def test_collector_that_hangs_does_not_keep_the_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tracer = build_tracer(TracingSettings(otlp_endpoint=endpoint))
        assert tracer is not None
        tracer.start("chat", "tiny", {}).end()
        began = time.monotonic()
        tracer.shutdown(timeout_seconds=0.05)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "base", ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces", "http://c:4318/v1/traces/"]
)
def test_traces_path_is_appended_where_it_is_missing(base: str) -> None:
    assert traces_endpoint(base) == "http://c:4318/v1/traces"


def test_endpoint_without_a_scheme_is_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"tracing\.otlp_endpoint is 'c:4317'.*http://"):
        build_tracer(TracingSettings(otlp_endpoint="c:4317"))


def test_tracing_that_is_off_imports_nothing() -> None:
    code = (
        "import sys; from service.settings import TracingSettings; from service.tracing import build_tracer; "
        "assert build_tracer(TracingSettings()) is None; sys.exit('opentelemetry' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=15, check=False).returncode == 0

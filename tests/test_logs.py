"""The JSON log."""

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from service.logs import ROOT, JsonFormatter, StderrHandler, configure, emit

NAMES = (None, ROOT, "uvicorn", "uvicorn.error", "uvicorn.access")


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger.level, list(logger.handlers), logger.propagate) for logger in loggers]
    yield
    logging.captureWarnings(False)
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def formatted(message: str, /, *args: object, **fields: object) -> str:
    record = logging.LogRecord("tidegate.x", logging.INFO, "", 0, message, args, None)
    record.__dict__["fields"] = fields
    return JsonFormatter().format(record)


def test_line_has_time_level_logger_message_then_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    logging.getLogger("tidegate.access").info("request", extra={"fields": {"status": 200, "model": "tiny"}})
    (line,) = lines(capsys)
    assert list(line) == ["ts", "level", "logger", "message", "status", "model"]
    assert (line["level"], line["logger"], line["message"], line["status"]) == (
        "info",
        "tidegate.access",
        "request",
        200,
    )


def test_time_is_rfc_3339_utc_with_milliseconds() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", None, None)
    record.created = 1_790_000_000.0421
    assert json.loads(JsonFormatter().format(record))["ts"] == "2026-09-21T14:13:20.042Z"


def test_emit_writes_fields_and_respects_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning")
    logger = logging.getLogger("tidegate.server")
    emit(logger, logging.INFO, "quiet", count=1)
    emit(logger, logging.WARNING, "loud", count=2)
    (line,) = lines(capsys)
    assert (line["message"], line["count"]) == ("loud", 2)


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\x00", "\x7f", "\x9b2J", "\u2028", "é\U0001f30a", "\ud800"])
def test_line_is_printable_ascii_whatever_is_in_it(text: str) -> None:
    line = formatted("m", reason=text)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["reason"] == text


def test_values_that_json_does_not_know_do_not_lose_the_line() -> None:
    cyclic: list[object] = []
    cyclic.append(cyclic)
    for odd in (object(), {object(): 1}, cyclic, float("nan"), b"\xff", {1, 2}, ValueError("x")):
        assert json.loads(formatted("m", odd=odd))["message"] == "m"


def test_field_does_not_displace_the_head() -> None:
    assert json.loads(formatted("m", level="forged", message="forged"))["message"] == "m"


def test_message_that_does_not_fit_its_arguments_is_logged_as_it_is() -> None:
    assert json.loads(formatted("%d of %s", "one"))["message"] == "%d of %s"


def test_exception_is_one_string_field(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    try:
        raise ValueError("x" * 100_000)
    except ValueError as error:
        logging.getLogger("tidegate.access").error("unhandled error", exc_info=error)
    (line,) = lines(capsys)
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert "ValueError: xxx" in line["exception"]
    assert len(line["exception"]) < 5000


def test_uvicorn_goes_through_with_its_access_log_off(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler())
    configure("info")
    logging.getLogger("uvicorn.access").info("GET / 200")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn").error("broken")
    assert [line["logger"] for line in lines(capsys)] == ["uvicorn.error", "uvicorn"]


def test_libraries_are_heard_from_warning_on_even_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug")
    logging.getLogger("httpcore").debug("body")
    logging.getLogger("tidegate.x").debug("ours")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("odd", stacklevel=1)
    assert [line["logger"] for line in lines(capsys)] == ["tidegate.x", "py.warnings"]


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    configure("info")
    logging.getLogger("tidegate.x").info("once")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("gone", [True, False])
def test_stderr_that_is_gone_is_no_reason_to_fail(gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", None if gone else stream)
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter())
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "m", None, None))

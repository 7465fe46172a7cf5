"""The process's log: one JSON object per line on stderr, for uvicorn and every other library too.

A line is pure printable ASCII, whatever is in it, so that nothing that a caller sent can start a line of its own or
steer the terminal on which the log is read. Messages are constant, the rest is fields; never prompt or output text.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from traceback import TracebackException
from typing import Any, Final, Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["debug", "info", "warning", "error"]

ROOT: Final = "tidegate"
"""Parent of all our loggers."""

LONGEST_PART: Final = 2000
"""Characters kept of each part of a traceback: an exception's message may quote a whole request body."""

# JSON escapes what is below a space. DEL and the C1 controls (0x9b is a terminal's CSI) are left to us.
_UNPRINTABLE: Final = re.compile("[\x7f-\U0010ffff]")
_ENCODER: Final = msgspec.json.Encoder(enc_hook=repr)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: ts, level, logger, message, then the record's fields, then an exception."""

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "ts": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        fields: dict[str, Any] = getattr(record, "fields", {})
        # The head comes first, and a field of the same name does not displace it.
        document = {**head, **fields, **head}
        if record.exc_info and record.exc_info[1] is not None:
            document["exception"] = _traceback(record.exc_info[1])
        return _encode(document)


class StderrHandler(logging.Handler):
    """Writes to whatever `sys.stderr` is now: the console puts itself in front of it while it shows a live bar."""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record) + "\n"
        try:
            if sys.stderr is not None:
                sys.stderr.write(line)
        except (OSError, ValueError):
            pass  # nobody reads the log any more, which is no reason to stop serving


def configure(level: Level) -> None:
    """Send every logger's lines through here: ours from `level` on, those of libraries from warning on.

    Replaces what was configured before, so it may be called again.
    """
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries' finer lines are noise, and some of them (HTTP clients, parsers) show bodies.
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger(ROOT).setLevel(threshold)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        # One line per request is written already, by our own middleware.
        logger.propagate = name != "uvicorn.access"
    logging.captureWarnings(True)
    # No line says them, and finding them out takes as long as writing the line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def emit(logger: logging.Logger, level: int, message: str, /, **fields: Any) -> None:
    """Log a constant message with fields. Cheaper than the logger's own methods: it does not look up its caller."""
    if logger.isEnabledFor(level):
        record = logging.LogRecord(logger.name, level, "", 0, message, None, None)
        record.__dict__["fields"] = fields
        logger.handle(record)


def _timestamp(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)  # a library's format string does not fit its arguments


def _traceback(error: BaseException) -> str:
    parts = TracebackException.from_exception(error).format()
    return "".join(part if len(part) <= LONGEST_PART else f"{part[:LONGEST_PART]}...\n" for part in parts)


def _encode(document: dict[str, Any]) -> str:
    try:
        line = _ENCODER.encode(document).decode()
    except (TypeError, ValueError, RecursionError):
        # A lone surrogate, a key that is no string, a cycle: the line must come out all the same.
        line = json.dumps({name: value if isinstance(value, str) else ascii(value) for name, value in document.items()})
    return _UNPRINTABLE.sub(_escape, line)


def _escape(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

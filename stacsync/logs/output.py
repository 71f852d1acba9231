"""How log lines are made and where they go: structlog for ours, the same processors for the standard library's."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from stacsync.logs.redaction import HIDDEN, names_secret, redact

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "console")
QUIET = (
    "boto3",
    "botocore",
    "s3transfer",
    "urllib3",
    "requests",
    "httpx",
    "httpcore",
    "apscheduler",
    "distributed",
    "asyncio",
    "uvicorn",
)
"""Libraries that print addresses, signatures or chatter below WARNING: never heard below it, whatever the level."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Sink:
    """Writes whole lines to a stream; to whatever `sys.stderr` is at that moment when none is given."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = Lock()

    @property
    def terminal(self) -> bool:
        """Whether somebody looks at it."""
        return (self._stream or sys.stderr).isatty()

    def write(self, line: str) -> None:
        """Write one line; a reader that went away is no reason to fail."""
        stream = self._stream or sys.stderr
        with self._lock:
            try:
                stream.write(line + "\n")
                stream.flush()
            except (OSError, ValueError):
                return


class Voice:
    """One module's name on the way to the sink: what structlog calls when a line is ready."""

    def __init__(self, sink: Sink, name: str = "") -> None:
        self._sink = sink
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line that the processors have made."""
        self._sink.write(line)

    log = debug = info = warning = error = critical = exception = msg


class Bridge(logging.Handler):
    """Takes the standard library's records through the same processors as ours."""

    def __init__(self, processors: Sequence[Processor], sink: Sink, level: int) -> None:
        super().__init__(level)
        self._processors = processors
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of a library."""
        try:
            event: Any = {"event": record.getMessage(), "logger": record.name, "level": record.levelname.lower()}
            if record.exc_info:
                event["exc_info"] = record.exc_info
            for processor in self._processors:
                event = processor(None, record.levelname.lower(), event)
            self._sink.write(str(event))
        except Exception:  # noqa: BLE001 - a log line that cannot be made must never stop the work it tells of
            self.handleError(record)


def configure(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:  # noqa: A002 - the setting's own name
    """Send log lines of `level` and above to `stream` (default: stderr), those of libraries included.

    `format`: "json" writes one JSON object per line, "console" lines for people, "auto" lines for people on a terminal
    and JSON otherwise. May be called again; the last call counts. Raises `ValueError` for an unknown level or format.
    """
    if level not in LEVELS or format not in FORMATS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, format one of {', '.join(FORMATS)}")
    threshold = logging.getLevelNamesMapping()[level.upper()]
    sink = Sink(stream)
    processors = _for_structlog(threshold, format, sink)
    bridge = Bridge(processors, sink, max(threshold, logging.WARNING))
    logging.basicConfig(handlers=[bridge], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module (`get_logger(__name__)`).

    Before anybody has configured anything its lines go to stderr; the standard library's logging is then left alone.
    """
    if not structlog.is_configured():
        _for_structlog(logging.INFO, "auto", Sink(None))
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def _for_structlog(threshold: int, form: str, sink: Sink) -> list[Processor]:
    """Set up our own loggers; return the processors that the standard library's records go through too."""
    people = form == "console" or (form == "auto" and sink.terminal)
    processors = _processors(people=people, colours=people and sink.terminal and not os.environ.get("NO_COLOR"))
    structlog.configure(
        processors=[structlog.processors.add_log_level, _named, *processors],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *names: Voice(sink, *names),
        cache_logger_on_first_use=False,
    )
    return processors


def bound(**fields: object) -> AbstractContextManager[None]:
    """Add `fields` (provider, job, pass_id) to every line that is written inside the `with` block."""
    return structlog.contextvars.bound_contextvars(**fields)


def _processors(*, people: bool, colours: bool) -> list[Processor]:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    if people:
        renderer = structlog.dev.ConsoleRenderer(
            colors=colours, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
        )
        return [*shared, structlog.processors.format_exc_info, _redacted, _one_line, renderer]
    traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
    return [*shared, structlog.processors.ExceptionRenderer(traceback), _redacted, _json]


def _named(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    """Say which module speaks."""
    event["logger"] = getattr(logger, "name", "")
    return event


def _redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take secrets out of every value, however deep."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if names_secret(name) and value is not None:
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(value if isinstance(value, str) else str(value))


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep foreign text from starting lines of its own or from painting on the terminal; tracebacks are set in."""
    for name, value in event.items():
        if name == "exception":
            event[name] = "\n".join(f"    {_shown(line)}" for line in str(value).split("\n"))
        elif isinstance(value, str):  # anything else is shown by its repr
            event[name] = _shown(value)
    return event


def _shown(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    ordered = {
        "time": event.pop("time", None),
        "level": event.pop("level", None),
        "event": event.pop("event", None),
        **event,
    }
    return orjson.dumps(ordered, default=str, option=orjson.OPT_NON_STR_KEYS).decode()

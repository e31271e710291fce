"""One log for all processes: one event a line, on standard error and, if named, in a file.

Each line is written with a single append, so that several processes share the file without mixing
lines; the file is opened anew when it has been rotated away.  A log that cannot be written (folder
read-only, disk full) stops nobody: standard error goes on, and the file is tried again.  The same
line again and again is written a few times a minute and then counted; secrets are blacked out.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

from billiards_trainer.config.schema import LoggingConfig
from billiards_trainer.redaction import redact
from billiards_trainer.repetition import Repetition

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=False),
    structlog.processors.StackInfoRenderer(),
]


def _upper_level(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """``grep ERROR`` is what people type."""
    event["level"] = str(event.get("level", "")).upper()
    return event


def _redacted(_logger: Any, _method: str, line: Any) -> str:
    return redact(line)


class _PatientFile(logging.handlers.WatchedFileHandler):
    """Appends to a file; while that is impossible, lines go to standard error alone."""

    _RETRY_S = 5.0

    def __init__(self, path: str) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self._blocked_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() < self._blocked_until:
            return
        try:
            super().emit(record)
        except OSError:  # opening; what happens while writing goes to handleError
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        self._blocked_until = time.monotonic() + self._RETRY_S
        error = sys.exc_info()[1]
        print(f"the log file {self.baseFilename} cannot be written: {error}", file=sys.stderr)


class _Seldom(logging.Filter):
    """Lets a line through only so often; what was held back is said with the next one."""

    def __init__(self, per_minute: int) -> None:
        super().__init__()
        self._repetition = Repetition(per_minute)

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg
        said = event.get("event") if isinstance(event, dict) else event
        key = (record.name, record.levelno, str(said))
        held = self._repetition.held_back(key, time.monotonic())
        if held is None:
            return False
        if held and isinstance(event, dict):
            event["held_back"] = held
        return True


def configure(config: LoggingConfig, process: str) -> None:
    """Set up logging for this process; may be called again with another configuration."""
    renderer: list[Any]
    if config.json_lines:
        renderer = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        colours = sys.stderr.isatty() and config.file is None
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=colours,
                pad_event_to=0,
                pad_level=False,
                sort_keys=False,
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _upper_level,
            *renderer,
            _redacted,
        ],
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if config.file is not None:
        handlers.append(_PatientFile(config.file))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_Seldom(config.repeats_per_minute))
        root.addHandler(handler)
    root.setLevel(config.level_of(process))
    # Every request and every migration step would be a line.
    for chatty in ("aiohttp.access", "asyncio", "alembic", "PIL"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)

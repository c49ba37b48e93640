"""Log lines that nobody can forge: what a caller sends may be part of one, and never begins another."""

import logging
import sys
from typing import Any

# Control characters, marks that turn the direction of what follows or have no width, and halves of characters, which
# cannot be written.
_TURNING = (*range(0x202A, 0x202F), *range(0x200B, 0x2010), *range(0x2060, 0x2070), 0x061C, 0x180E, 0xFEFF)
_UNSEEN = (0xAD, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080), *range(0xD800, 0xE000))
_HIDDEN = (*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029, *_TURNING, *_UNSEEN)
_SHOWN = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
    for code in _HIDDEN
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
LINE = "{asctime} {levelname} {name} {message}"
# Before each line of a traceback, so that none looks like the beginning of an entry.
MARGIN = "    | "


def on_one_line(text: str) -> str:
    """With control characters written out."""
    return text.translate(_SHOWN)


class WithoutRequest(logging.Filter):
    """Of a request that was refused, what we call it: its route and the kind of refusal. Paths and hosts are what a
    caller sent, and may be anybody's text.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if record.name.startswith("django.security"):
            record.msg, record.args = "a request was refused: %s", (record.name.rpartition(".")[2],)
            record.exc_info = record.exc_text = None
        elif record.name.startswith("django.request") and request is not None and isinstance(record.args, tuple):
            path = getattr(request, "path", "")
            record.args = tuple(route_of(request) if argument == path else argument for argument in record.args)
        return True


def route_of(request: object) -> str:
    """Such as `/api/v1/budgets/<int:budget_id>`."""
    match = getattr(request, "resolver_match", None)
    return "a path without a route" if match is None else f"/{match.route}"


class LineFormatter(logging.Formatter):
    """One line for a message; lines of a traceback are indented."""

    def __init__(self) -> None:
        super().__init__(LINE, style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        return on_one_line(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  # see above
        return _indented(super().formatException(ei))  # type: ignore[arg-type]  # what logging hands on

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # see above
        return _indented(stack_info)


def _indented(text: str) -> str:
    return "\n".join(MARGIN + on_one_line(line) for line in text.split("\n"))


def log_to_stderr(level: str) -> None:
    """For a program that does not set Django up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(handlers=[handler], level=level)


APPS = ("governance", "allocation", "budgets", "policies", "reporting", "config", "celery.worker", "celery.beat")
UNAVAILABLE = 503


class Broken(logging.Filter):
    """A 503 of /readyz is an answer, not an error, and is given five times a second at startup."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != UNAVAILABLE


def to_console(level: str) -> dict[str, Any]:
    """Django's LOGGING: what our own apps say from `level` on, and of others warnings."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter}},
        "filters": {"broken": {"()": Broken}, "without_request": {"()": WithoutRequest}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["broken", "without_request"],
            }
        },
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {name: {"level": level, "propagate": True} for name in APPS}
        | {
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }

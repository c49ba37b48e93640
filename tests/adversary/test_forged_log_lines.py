"""What a caller sends cannot begin a line of the log, nor turn or hide what stands in one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings

from config.logs import LineFormatter

pytestmark = pytest.mark.adversary("what is not yours")

FORGED = "2026-11-28 12:00:00,000 INFO governance the key was approved"


def formatted(message: str, *arguments: object, problem: BaseException | None = None) -> str:
    exc_info = None if problem is None else (type(problem), problem, problem.__traceback__)
    record = logging.LogRecord("governance", logging.WARNING, __file__, 1, message, arguments, exc_info)
    return LineFormatter().format(record)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_message_is_one_line_however_a_value_ends_it(end: str) -> None:
    assert len(formatted("request to %s refused", f"/a{end}{FORGED}").splitlines()) == 1


@pytest.mark.parametrize(
    "mark",
    [
        "\x1b[2K", "\x1b]8;;https://example.com\x07", "\x08", "\x00", "\x7f", "\x9b", "\u202e", "\u2066", "\u200b",
        "\u2060", "\xad", "\ufffa", "\U000e0041", "\ud800",
    ],
)  # fmt: skip
def test_no_value_erases_or_turns_what_stands_in_a_line(mark: str) -> None:
    assert mark[0] not in formatted("request to %s refused", f"/a{mark}b")


def test_the_text_of_an_error_begins_no_line_either() -> None:
    try:
        raise ValueError(f"no\n{FORGED}\n\x1b[2J")  # noqa: TRY301
    except ValueError as problem:
        lines = formatted("it failed", problem=problem).splitlines()
    assert [line for line in lines[1:] if not line.startswith("    | ")] == []
    assert "\x1b" not in "".join(lines)


def test_the_web_server_writes_of_what_fails_while_it_answers_so() -> None:
    """In each of its processes granian makes its loggers before it loads the application."""
    script = (
        "import logging; from granian.log import LogLevels, configure_logging; configure_logging(LogLevels.warning)\n"
        f"import config.wsgi\ntry: raise ValueError('no\\n' + {FORGED!r})\n"
        "except ValueError: logging.getLogger('_granian').exception('Application callable raised an exception')"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    lines = done.stdout.splitlines()
    assert f"    | {FORGED}" in lines
    assert [line for line in lines[1:] if not line.startswith("    | ")] == []


def test_every_program_writes_its_log_so() -> None:
    assert settings.LOGGING["formatters"] == {"line": {"()": LineFormatter}}
    log = f"logging.info('a\\n%s', {FORGED!r})"
    script = f"import logging; from config.logs import log_to_stderr; log_to_stderr('INFO'); {log}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert len(done.stderr.splitlines()) == 1

"""Texts of prompts, each known by the place where it was put, and where they are looked for."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection

from config.logs import LineFormatter, WithoutRequest

# Where clients put texts of prompts and answers, or of errors that repeat them.
PROMPTS = (
    "messages", "prompt", "response", "input", "output", "error_str", "content", "proxy_server_request",
    "model_parameters", "error_information", "guardrail_information", "cache_key_text",
)  # fmt: skip


class Canaries:
    """A text for each place, and the places by it."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def at(self, place: str) -> str:
        mark = f"CANARY{len(self.places):04d}X"
        self.places[mark] = place
        return f"tell nobody {mark} of this"

    def name(self, place: str) -> str:
        return self.at(place).split()[2]

    def shapes(self, place: str) -> tuple[Any, ...]:
        text = self.at
        return (
            text(place), [text(f"{place}[]")], {"text": text(f"{place}{{}}")}, {self.name(f"{place}{{name}}"): 1},
            [{"content": text(f"{place}[{{}}]")}],
        )  # fmt: skip


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What is written to the log meanwhile."""
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["broken", "without_request"]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter())
    handler.addFilter(WithoutRequest())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel("INFO")
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def found(marks: Canaries, *texts: str) -> list[str]:
    lines = [text.upper() for text in texts]
    whole = "\n".join(lines)
    return [
        f"{place}: {next(line for line in lines if mark in line)[:300]}"
        for mark, place in marks.places.items()
        if mark in whole
    ]


def stored() -> Iterator[str]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            yield from (f"{table} {row[0]}" for row in cursor.fetchall())

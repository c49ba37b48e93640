"""Every page and endpoint of the URL table, and an answer to compare with another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    statements: int
    # Told when the number differs, which says nothing of what was asked.
    sql: tuple[str, ...] = field(default=(), compare=False, repr=False)


def what_differs(was: Answer, now: Answer) -> tuple[Answer, Answer, list[str]]:
    """Both, and the statements that one of them took and the other did not."""
    times = Counter(now.sql)
    times.subtract(Counter(was.sql))
    return was, now, [f"{number:+} {sql}" for sql, number in times.items() if number]


TOKENS = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w+|(?<="csrfToken": ")\w+')
COMPARED = ("Content-Type", "Location", "Allow", "Retry-After", "WWW-Authenticate", "Content-Disposition")


def asked(client: Client, method: str, path: str, body: Any = "", *, same: tuple[str, ...] = ()) -> Answer:
    """The answer, without tokens that are new each time, and with what is in `same` made alike."""
    content_type = "application/x-www-form-urlencoded" if path.startswith("/admin/") else "application/json"
    client.cookies.pop("messages", None)
    # It holds 9,000; a full one counts nothing.
    connection.queries_log.clear()
    with CaptureQueriesContext(connection) as run:
        answer = client.generic(method, path, body, content_type)
        told = answer.getvalue().decode(errors="replace")
    headers = [(name, answer[name]) for name in COMPARED if name in answer]
    if "messages" in answer.cookies:
        headers.append(("messages", re.sub(r":[\w-]+:[\w-]+$", "", _read(answer.cookies["messages"].value))))
    alike = tuple((name, _alike(text, same)) for name, text in headers)
    sql = tuple(query["sql"] for query in run.captured_queries)
    return Answer(answer.status_code, alike, _alike(TOKENS.sub("", told), same), len(sql), sql)


def _read(signed: str) -> str:
    from django.contrib.messages.storage.cookie import CookieStorage
    from django.test import RequestFactory

    found = CookieStorage(RequestFactory().get("/"))._decode(signed)
    return repr([str(each) for each in found or ()])


def _alike(text: str, same: tuple[str, ...]) -> str:
    for each in sorted(same, key=len, reverse=True):
        # A scope's path is no part of a longer one; a number is, of an address.
        beside = r"[\w-]" if each.isdecimal() else r"[\w/-]"
        text = re.sub(rf"(?:(?<!{beside})|(?<=%3D)|(?<=%2F)){re.escape(each)}(?!{beside})", "…", text)
    return text


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """(path as it is written in the URL table, pattern)"""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + re.sub(r"\^|\$|\\Z", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern


def warm(client: Client) -> Client:
    """What is read once and kept, such as the tree of scopes, is read before statements are counted."""
    client.get("/api/v1/scopes")
    ContentType.objects.get_for_models(*apps.get_models())
    return client

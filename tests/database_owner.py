"""Tests run as the application's role; what a test itself does to tables, such as adding a trigger, is the owner's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection as main

from config.databases import APPLICATION


def become_application(*, connection: Any, **_signal: object) -> None:
    """As the application connects; the session stays the owner's."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {APPLICATION}")


@contextmanager
def as_owner() -> Iterator[None]:
    """Inside, the test's connection has the owner's rights."""
    with main.cursor() as cursor:
        cursor.execute("RESET ROLE")
    yield
    become_application(connection=main)

"""Statements of the busiest roads: prepared once by each connection, and sent several in one message."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.pq import TransactionStatus

# Django prepares nothing, psycopg by itself what it was asked so often: never, only what is asked here.
SELDOM = 1_000_000_000


class Asked:
    """A statement of a message."""

    def __init__(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor

    def rows(self) -> list[tuple[Any, ...]]:
        """What it returned. Read it after the message, or wait here until it was answered."""
        return self._cursor.fetchall()


class Message:
    """Takes the statements of `one_message`."""

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> Asked:
        """Adds the statement, with `%s` for parameters that PostgreSQL is told the types of: `%s::bigint[]`."""
        cursor = psycopg.Cursor(connection.connection)
        execute: Callable[..., None] = functools.partial(_execute, cursor)
        for wrapper in reversed(connection.execute_wrappers):
            execute = functools.partial(wrapper, execute)
        # As Django calls it: many is False.
        execute(statement, parameters, False, {"connection": connection, "cursor": cursor})
        return Asked(cursor)


@contextmanager
def one_message() -> Iterator[Message]:
    """What is asked of it goes to PostgreSQL at once and is answered at its end: one statement's answer is not known to
    the next, but its effects and locks are, as of any statements one after the other in READ COMMITTED.

    For statements with few rows, asked for every call: preparing one costs more than it saves where it is asked once.
    The first that fails raises as Django does, at the end, and those after it were not done. Where it is the first of a
    transaction, it begins it.
    """
    with connection.wrap_database_errors:
        raw = _ready()
        begins = not raw.autocommit and raw.info.transaction_status == TransactionStatus.IDLE
        if begins:
            # By itself psycopg would ask for the beginning in a message of its own, and wait for the answer.
            raw.autocommit = True
        with raw.pipeline():
            if begins:
                _begin(raw)
            yield Message()


def _begin(raw: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Adds the beginning of a transaction, which ends as all others: by Django, or with the connection."""
    try:
        raw.execute("BEGIN", prepare=False)
    except psycopg.Error:
        # Nothing may be said outside a transaction in its stead.
        raw.close()
        raise


def _ready() -> psycopg.Connection[tuple[Any, ...]]:
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    raw: psycopg.Connection[tuple[Any, ...]] = connection.connection
    raw.prepare_threshold = SELDOM
    return raw


def _execute(cursor: psycopg.Cursor[tuple[Any, ...]], statement: str, parameters: Sequence[Any], *_: object) -> None:
    started = time.monotonic()
    try:
        cursor.execute(statement, parameters, prepare=settings.DATABASE_PREPARES)
    finally:
        if connection.queries_logged:
            sql = psycopg.ClientCursor(cursor.connection).mogrify(statement, parameters)
            connection.queries_log.append({"sql": sql, "time": f"{time.monotonic() - started:.3f}"})

"""Statements done by a thread behind this one, in order and in its transaction, while it makes the next ones: most of
writing is waiting for the database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

Statement = Callable[[], Any]


class _Behind(threading.local):
    """What this thread has lent its connection to."""

    sender: _Sender | None = None


_behind = _Behind()


@contextmanager
def behind() -> Iterator[None]:
    """Lends this thread's connection until the end of the block to a thread that does what is sent. RuntimeError for
    whatever else asks the database in the block. What fails first is raised at the end, and nothing after it is done.
    """
    own = connections[DEFAULT_DB_ALIAS]
    own.inc_thread_sharing()
    try:
        sender = _behind.sender = _Sender(own)
        connections[DEFAULT_DB_ALIAS] = _lent(own)
        try:
            yield
        finally:
            sender.end()
            connections[DEFAULT_DB_ALIAS], _behind.sender = own, None
    finally:
        own.dec_thread_sharing()
    if sender.problem is not None:
        raise sender.problem


def is_lent() -> bool:
    """Whether what is sent is done behind this thread."""
    return _behind.sender is not None


def send(statement: Statement) -> None:
    """Has the statement done behind this thread, where its connection is lent; else does it."""
    sender = _behind.sender
    if sender is None:
        statement()
    else:
        sender.send(statement)


class _Sender:
    def __init__(self, own: BaseDatabaseWrapper) -> None:
        self.problem: BaseException | None = None
        self._own = own
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sending")

    def send(self, statement: Statement) -> None:
        self._thread.submit(self._do, statement)

    def end(self) -> None:
        self._thread.shutdown()

    def _do(self, statement: Statement) -> None:
        if self.problem is not None:
            return
        connections[DEFAULT_DB_ALIAS] = self._own
        try:
            statement()
        except BaseException as problem:  # noqa: BLE001  # raised by the thread that has sent it
            self.problem = problem
        finally:
            # The thread ends; what it was lent stays open.
            del connections[DEFAULT_DB_ALIAS]


def _lent(own: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """As the connection, for whoever asks what it can; it connects to nothing."""
    lent = own.copy()

    def refuse() -> None:
        raise RuntimeError("The connection is lent: ask the database before or after, or send what is to be done.")

    lent.connect = refuse  # type: ignore[method-assign]
    return lent

"""Changes of whole tables that give way to whoever uses them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

from governance.work.operations.apart import sqlstate_of
from governance.work.operations.locks import waiting_at_most

# Whoever asks for the table meanwhile waits behind the change, so it waits for a moment only.
WITHIN_MS = 200
TRIES = 5
PAUSE_S = 1.0
TRIED_AGAIN = frozenset({"55P03", "40P01"})  # a lock that was not had in time, a deadlock
ResultT = TypeVar("ResultT")


def give_way(
    change: Callable[[], ResultT], *, tries: int = TRIES, pause_s: float = PAUSE_S, within_ms: int = WITHIN_MS
) -> ResultT:
    """What `change` returns. It is called in a transaction that ends where it would wait longer than a moment for a
    lock, and again after a pause. OperationalError when what it changes was in use each time.
    """
    for tries_left in reversed(range(tries)):
        try:
            with waiting_at_most(within_ms):
                return change()
        except OperationalError as problem:
            # Inside an open transaction others wait for what that holds already.
            if not tries_left or connection.in_atomic_block or sqlstate_of(problem) not in TRIED_AGAIN:
                raise
            time.sleep(pause_s)
    raise AssertionError("unreachable: the last try returns or raises")

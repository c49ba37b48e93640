"""Repeats transactions that PostgreSQL ended for another one's sake."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

TRIES = 4
RETRIED = frozenset({"40P01", "40001"})  # deadlock, serialisation failure
ResultT = TypeVar("ResultT")


def with_retries(write: Callable[[], ResultT]) -> ResultT:
    """Calls `write`, up to four times while its transaction ends in a deadlock or serialisation failure. Inside an open
    transaction it is called once, since only the outermost one can be repeated.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return write()
        except OperationalError as problem:
            state = getattr(problem.__cause__, "sqlstate", None)
            if not tries_left or connection.in_atomic_block or state not in RETRIED:
                raise
    raise AssertionError("unreachable: the last try returns or raises")

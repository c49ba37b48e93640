"""Transactions that PostgreSQL gave up in favour of others, done again."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

TRIES = 4
RETRIED = frozenset({"40P01", "40001"})  # deadlock, serialisation failure
ResultT = TypeVar("ResultT")


def with_retries(write: Callable[[], ResultT]) -> ResultT:
    """A deadlock is PostgreSQL's choice of a loser: the loser's whole transaction is done again. Inside somebody
    else's transaction there is nothing to do again.
    """
    for left in reversed(range(TRIES)):
        try:
            return write()
        except OperationalError as problem:
            state = getattr(problem.__cause__, "sqlstate", None)
            if not left or connection.in_atomic_block or state not in RETRIED:
                raise
    raise AssertionError("unreachable: the last try returns or raises")

"""Writing on this thread's connection from a thread beside it: most of it is waiting for the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections

ResultT = TypeVar("ResultT")


def beside(write: Callable[[], ResultT], work: Iterable[Callable[[], None]]) -> ResultT:
    """What `write` returns, or its error. It is called in this thread's transaction, from another thread; meanwhile
    this one does the `work`, which must not ask the database anything. Without work it is called as it is.
    """
    to_do = list(work)
    if not to_do:
        return write()
    own = connections[DEFAULT_DB_ALIAS]

    def written() -> ResultT:
        connections[DEFAULT_DB_ALIAS] = own
        try:
            return write()
        finally:
            # The thread ends; what it was lent stays open.
            del connections[DEFAULT_DB_ALIAS]

    own.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="writing") as pool:
            outcome = pool.submit(written)
            for one in to_do:
                one()
            return outcome.result()
    finally:
        own.dec_thread_sharing()

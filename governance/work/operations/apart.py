"""Work done for one after the other, so that a fault in one keeps none of the others from its turn."""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection, transaction

from governance.work.engine.sqlstates import QUERY_CANCELLED, passes
from governance.work.models import Heartbeat
from governance.work.operations.heartbeats import beat

logger = logging.getLogger(__name__)
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
# What the driver raises when the server said nothing, as itself or in Django's words.
WITHOUT_A_WORD = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


@dataclass(slots=True)
class Apart(Generic[ResultT]):
    """The results of those that succeeded, and the faults of the others by name."""

    results: list[ResultT] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)


def each_apart(
    items: Iterable[ItemT], work: Callable[[ItemT], ResultT], *, named: Callable[[ItemT], str]
) -> Apart[ResultT]:
    """Calls `work` for each item; a fault in one stops no other, whatever it is. `work` opens its own transactions;
    inside one, what a failing item wrote is rolled back. OperationalError only when the database has gone altogether.
    """
    done: Apart[ResultT] = Apart()
    for item in items:
        try:
            with transaction.atomic() if connection.in_atomic_block else nullcontext():
                done.results.append(work(item))
        except Exception as fault:  # noqa: BLE001  # whatever it is, the next one has its turn
            done.faults[named(item)] = fault
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
                connection.ensure_connection()
    return done


def tell_faults(part: str, faults: Mapping[str, Exception], *, at: datetime, sentence: str, beats: bool = True) -> None:
    """The heartbeat `part` names those that failed, for `weir doctor`; a run that is not of all `beats` not. What it
    named before is not logged again; `sentence` is logged with each name.
    """
    last = Heartbeat.objects.filter(name=part).values_list("detail", flat=True).first() or ""
    known = set(last.split(", "))
    for name, fault in faults.items():
        if name not in known:
            logger.error(sentence, name, exc_info=fault)
    if beats:
        beat(part, at=at, detail=", ".join(faults))


def sqlstate_of(problem: BaseException) -> str | None:
    """What PostgreSQL called the error; None when it said nothing, or when it is another error."""
    state = getattr(problem, "sqlstate", None) or getattr(problem.__cause__, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_of_the_database(problem: BaseException) -> bool:
    """Whether the database as it is now is the matter: gone, full, locked, another transaction's sake. Tried later the
    same may succeed. False of what is refused for what it holds, and of every error that is no database's.
    """
    if not isinstance(problem, Error | psycopg.Error):
        return False
    state = sqlstate_of(problem)
    return passes(state) if state is not None else isinstance(problem, WITHOUT_A_WORD)


def is_of_the_rows(problem: BaseException) -> bool:
    """Whether the same rows would fail again: any error but the database's own. A statement that takes too long takes
    too long again.
    """
    return not is_of_the_database(problem) or sqlstate_of(problem) == QUERY_CANCELLED

"""Taking advisory locks for a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from governance.statements.operations import Message
from governance.work.engine.locks import AdvisoryLock


def hold(lock: AdvisoryLock, *, of: int | None = None, shared: bool = False, message: Message | None = None) -> None:
    """Takes the lock until the transaction ends, waiting for others; `shared` with those that take it shared. Read what
    it guards in a later statement: a statement's snapshot is older than the lock it waits for. A later one of the same
    `message` is one.
    """
    taking, key = _call("pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock", lock, of)
    if message is not None:
        message.ask(taking, key)
        return
    with connection.cursor() as cursor:
        cursor.execute(taking, key)


def hold_if_free(lock: AdvisoryLock, *, of: int | None = None) -> bool:
    """As `hold`, but returns False at once when another transaction has it."""
    with connection.cursor() as cursor:
        cursor.execute(*_call("pg_try_advisory_xact_lock", lock, of))
        (is_ours,) = cursor.fetchone()
    return bool(is_ours)


@contextmanager
def waiting_at_most(milliseconds: int) -> Iterator[None]:
    """A transaction, or a part of one, in which no lock is waited for longer: OperationalError then, and nothing of it
    has happened. For what locks a whole table: whoever comes after it waits behind it, also those who only read.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{milliseconds}ms"])
        yield
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])


def _call(function: str, lock: AdvisoryLock, of: int | None) -> tuple[str, list[int]]:
    key = lock.key(of)
    return f"SELECT {function}({', '.join('%s' for _ in key)})", list(key)

"""Taking advisory locks for a transaction."""

from django.db import connection

from governance.work.engine.locks import AdvisoryLock


def hold(lock: AdvisoryLock, *, of: int | None = None, shared: bool = False) -> None:
    """Takes the lock until the transaction ends, waiting for others; `shared` with those that take it shared. Read what
    it guards in a later statement: a statement's snapshot is older than the lock it waits for.
    """
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(*_call(function, lock, of))


def hold_if_free(lock: AdvisoryLock, *, of: int | None = None) -> bool:
    """As `hold`, but returns False at once when another transaction has it."""
    with connection.cursor() as cursor:
        cursor.execute(*_call("pg_try_advisory_xact_lock", lock, of))
        (is_ours,) = cursor.fetchone()
    return bool(is_ours)


def _call(function: str, lock: AdvisoryLock, of: int | None) -> tuple[str, list[int]]:
    key = lock.key(of)
    return f"SELECT {function}({', '.join('%s' for _ in key)})", list(key)

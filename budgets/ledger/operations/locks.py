"""One lock keeps posting and the opening of accounts apart: many may post at once, or one may open."""

from uuid import UUID

from governance.work.engine.locks import POSTING_LOCK
from governance.work.operations import hold, hold_and_read


def lock_for_posting() -> UUID | None:
    """Shared, until the transaction ends. Returns the version of the accounts as it is under the lock, None before the
    first was opened. What else it guards is read in a later statement: a statement's snapshot is older than the lock it
    waits for.
    """
    rows = hold_and_read(POSTING_LOCK, "SELECT version FROM budgets_coverageversion", (), shared=True)
    return rows[0][0] if rows else None


def lock_for_opening() -> None:
    """Exclusive, until the transaction ends. Taken first, before any row, and never after the shared one."""
    hold(POSTING_LOCK)

"""One lock keeps posting and the opening of accounts apart: many may post at once, or one may open."""

from governance.work.engine.locks import POSTING_LOCK
from governance.work.operations import hold


def lock_for_posting() -> None:
    """Shared, until the transaction ends. Read versions after this, in a statement of their own: a statement's
    snapshot is older than the lock it waits for.
    """
    hold(POSTING_LOCK, shared=True)


def lock_for_opening() -> None:
    """Exclusive, until the transaction ends. Taken first, before any row, and never after the shared one."""
    hold(POSTING_LOCK)

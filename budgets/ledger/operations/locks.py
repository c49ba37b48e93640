"""One lock keeps posting and the opening of accounts apart: many post at once, one opens, never both."""

from django.db import connection

# Any constant of our own: it only has to differ from other advisory locks of this database.
POSTING_LOCK = 0x57454952_0002


def lock_for_posting() -> None:
    """Shared, until the transaction ends. Read versions after this, in a statement of their own: a statement's
    snapshot is older than the lock it waits for.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [POSTING_LOCK])


def lock_for_opening() -> None:
    """Exclusive, until the transaction ends. Taken first, before any row, and never after the shared one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [POSTING_LOCK])

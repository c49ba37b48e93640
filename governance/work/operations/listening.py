"""Waiting for PostgreSQL's notifications on this thread's own connection."""

from __future__ import annotations

from django.db import InterfaceError, connection
from psycopg import Connection, sql


def listen(channel: str) -> None:
    """From now on `heard` returns for this channel. Ends with the connection, so call it again after one was lost."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))


def heard(*, within_s: float) -> bool:
    """Waits until something was notified, also during a statement before this call; False when nothing was. Many that
    came together count as one. OperationalError and InterfaceError when the connection is lost.
    """
    driver = connection.connection
    if not isinstance(driver, Connection):
        raise InterfaceError("There is no connection to listen on.")
    with connection.wrap_database_errors:
        has_heard = bool(list(driver.notifies(timeout=within_s, stop_after=1)))
        if has_heard:
            # Each of them would otherwise end a wait of its own.
            list(driver.notifies(timeout=0))
    return has_heard

"""Waiting for PostgreSQL's notifications on this thread's own connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NoReturn

from django.db import InterfaceError, OperationalError, connection
from psycopg import Connection, sql

logger = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0


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


def keep_on(follow: Callable[[], NoReturn], *, failed: str) -> NoReturn:
    """Calls `follow`, which listens and works until it raises, again and again on a new connection: after a lost one,
    and after any other error, which is logged as `failed`. For a process or thread of its own.
    """
    while True:
        try:
            follow()
        except (OperationalError, InterfaceError) as problem:
            logger.warning("the database does not answer, trying again: %s", problem)
        except Exception:
            # What was not committed waits in the database, and is tried again.
            logger.exception(failed)
        connection.close()
        time.sleep(AGAIN_AFTER_S)

"""Connections that threads share: one waits for those that others hold, not for a database that is away."""

from __future__ import annotations

import select
import threading
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout

AnyConnection = Connection[Any]
JUST_NOW_S = 1.0


class SharedConnections(ConnectionPool[AnyConnection]):
    """`timeout` is how long one waits for a connection that others hold, or that is being made. Where nobody holds any,
    and none could be made meanwhile, PoolTimeout is raised after `away_after_s`. `is_checked`: a connection is given
    only where the database answers on it, or has just answered.
    """

    def __init__(
        self, conninfo: str = "", *, away_after_s: float = 1.5, is_checked: bool = False, **options: Any
    ) -> None:
        self.away_after_s = away_after_s
        self._held_count = 0
        self._counting = threading.Lock()
        self._given_back_at: WeakKeyDictionary[AnyConnection, float] = WeakKeyDictionary()
        super().__init__(conninfo, check=self.check_where_needed if is_checked else None, **options)

    def check_where_needed(self, connection: AnyConnection) -> None:
        """Raises where the connection is gone. Asks the database only where it has not answered for JUST_NOW_S, or has
        said something since: who goes away in order says goodbye.
        """
        idle_s = monotonic() - self._given_back_at.get(connection, 0.0)
        if idle_s >= JUST_NOW_S or select.select([connection.fileno()], [], [], 0)[0]:
            self.check_connection(connection)

    def getconn(self, timeout: float | None = None) -> AnyConnection:
        """Who waits longer than `away_after_s` takes a place at the end of the queue once."""
        until, failed = monotonic() + (self.timeout if timeout is None else timeout), self._failed_count
        try:
            held = super().getconn(min(self.away_after_s, until - monotonic()))
        except PoolTimeout:
            is_away = not self._held_count and self._failed_count > failed
            if is_away or monotonic() >= until:
                raise
            held = super().getconn(until - monotonic())
        with self._counting:
            self._held_count += 1
        return held

    @property
    def _failed_count(self) -> int:
        return self.get_stats().get("connections_errors", 0)

    def putconn(self, conn: AnyConnection) -> None:
        self._given_back_at[conn] = monotonic()
        with self._counting:
            self._held_count -= 1
        super().putconn(conn)

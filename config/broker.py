"""Celery's broker on the same PostgreSQL: kombu's pgmq transport, with its SQL installed once by us.

Unchanged, the transport builds its connection from five parameters (losing sslmode and the like), recreates tables and
triggers in every process that publishes, and lets every publisher listen. Messages are only nudges: the queues are
unlogged tables, empty after a crash, and the next sweep finds the rows they were about.
"""

import logging
import threading
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import psycopg
from celery import current_app
from django.conf import settings
from kombu.transport import pgmq
from pgmq import PGMQueue
from psycopg import sql
from psycopg_pool import ConnectionPool

from governance.work.engine.locks import INSTALL_LOCK

logger = logging.getLogger(__name__)

CHECKED_WITHIN_S = 5.0
SILENT = "it takes the connection and says nothing"

QUEUES = ("evaluation", "deliveries", "watch", "presses", "beat", "slow")
# pgmq's own trigger reads a throttle from an unlogged table; after a crash of PostgreSQL that is empty and the trigger
# notifies nobody any more.
NOTIFY_FUNCTION = """
create function pgmq.weir_ring() returns trigger language plpgsql as $$
begin
    perform pg_notify('pgmq.' || tg_table_name || '.' || tg_op, null);
    return null;
end $$
"""


class Channel(pgmq.Channel):
    """Creates only missing queues, and listens only where messages are consumed."""

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        if not self._has_queue(queue):  # type: ignore[no-untyped-call]  # kombu has no types
            super()._new_queue(queue, **kwargs)  # type: ignore[no-untyped-call]  # see above

    def _maybe_enable_notify(self, queue: str, queue_name: str | None = None) -> None:
        """kombu passes the name for every declaration, and no name for consumers: only consumers listen."""
        if self.use_notify and queue_name is None:
            transport: Any = self.connection
            transport._register_notify_queue(self._queue_name(queue))  # noqa: SLF001  # its own transport


class Transport(pgmq.Transport):
    """Connects with BROKER_CONNINFO, through a small pool, and leaves the tables to `install`."""

    Channel = Channel

    def _create_pgmq_client(self) -> PGMQueue:
        pool = ConnectionPool(
            settings.BROKER_CONNINFO,
            min_size=1,
            max_size=2,
            max_idle=60,
            timeout=5,
            check=ConnectionPool.check_connection,
            kwargs={"prepare_threshold": None},
            open=True,
        )
        return PGMQueue(pool=pool, conn_string=None, init_extension=False)

    def _get_notify_waiter(self) -> Any:
        if self._notify_waiter is None:
            self._notify_waiter = pgmq._NotifyWaiter(settings.BROKER_CONNINFO)  # noqa: SLF001  # no public way
        return self._notify_waiter


def install() -> str:
    """Install or upgrade the broker's tables; returns a sentence about what was done. Safe to repeat and to run
    concurrently.

    pgmq has no upgrade script: another version, or one with other queues, is dropped with its messages and installed
    anew.
    """
    version = files("pgmq").joinpath("sql", "VERSION").read_text().strip()
    stamp = f"pgmq {version} with bells, for {', '.join(QUEUES)}, installed by weir"
    with psycopg.connect(settings.BROKER_OWNER_CONNINFO) as connection:
        connection.execute("set local synchronous_commit = on")
        connection.execute("select pg_advisory_xact_lock(%s)", [INSTALL_LOCK.number])
        comment = connection.execute("select obj_description(to_regnamespace('pgmq'), 'pg_namespace')").fetchone()
        if comment == (stamp,):
            return f"The broker's tables are up to date (pgmq {version})."
        connection.execute("drop schema if exists pgmq cascade")
        connection.execute(files("pgmq").joinpath("sql", "pgmq.sql").read_bytes())
        connection.execute(NOTIFY_FUNCTION)
        for queue in QUEUES:
            connection.execute("select pgmq.create_unlogged(%s)", [queue])
            connection.execute(
                sql.SQL(
                    "create trigger weir_ring after insert on pgmq.{} "
                    "for each statement execute function pgmq.weir_ring()"
                ).format(sql.Identifier(f"q_{queue}"))
            )
        connection.execute(sql.SQL("comment on schema pgmq is {}").format(sql.Literal(stamp)))
    return f"Installed the broker's tables (pgmq {version})."


def purge_nudges() -> None:
    """Drop messages from before a start; the first sweep finds the rows they were about."""
    with psycopg.connect(settings.BROKER_OWNER_CONNINFO) as connection:
        for queue in QUEUES:
            connection.execute("select pgmq.purge_queue(%s)", [queue])


class Checks:
    """Runs a check in a thread of its own, one at a time: a broker that takes connections and says nothing holds
    whoever asks it, some transports for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: threading.Thread | None = None

    def run(self, check: Callable[[], None], within_s: float) -> None:
        """Raises what the check raises; TimeoutError when it, or the one before, is not done within that time."""
        problems: list[Exception] = []

        def tried() -> None:
            try:
                check()
            except Exception as problem:  # noqa: BLE001  # raised below, by whoever asked
                problems.append(problem)

        with self._lock:
            if self._running is not None and self._running.is_alive():
                raise TimeoutError(SILENT)
            running = self._running = threading.Thread(target=tried, name="broker check", daemon=True)
            running.start()
        running.join(within_s)
        if running.is_alive():
            raise TimeoutError(SILENT)
        if problems:
            raise problems[0]


_checks = Checks()


def check() -> None:
    """Connects to the broker; raises the transport's own error when it cannot be reached, and TimeoutError when it says
    nothing within CHECKED_WITHIN_S.
    """
    _checks.run(_connect, CHECKED_WITHIN_S)


def _connect() -> None:
    if settings.BROKER_IS_POSTGRES:
        with psycopg.connect(settings.BROKER_CONNINFO) as connection:
            connection.execute("select 1 from pgmq.meta limit 1")
        return
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=3)


def oldest_nudge_s(queue: str) -> float | None:
    """Age in seconds of the oldest message that no worker has read; None when there is none."""
    unread = sql.SQL("select extract(epoch from now() - min(enqueued_at)) from pgmq.{} where read_ct = 0")
    with psycopg.connect(settings.BROKER_CONNINFO) as connection:
        row = connection.execute(unread.format(sql.Identifier(f"q_{queue}"))).fetchone()
    return None if row is None or row[0] is None else float(row[0])

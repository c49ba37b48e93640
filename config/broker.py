"""Celery's broker on the same PostgreSQL: kombu's pgmq transport, with its SQL installed once by us.

The transport as it comes builds its connection from five words (losing sslmode and the like), recreates tables and
triggers in every process that publishes, and lets every publisher listen. Messages are doorbells: the queues are
unlogged tables, empty after a crash, and the rows they rang for are found by the next sweep.
"""

import logging
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

QUEUES = ("fast", "slow")
# pgmq's own trigger reads a throttle from an unlogged table, which a crash of PostgreSQL empties: silent from then on.
BELL = """
create function pgmq.weir_ring() returns trigger language plpgsql as $$
begin
    perform pg_notify('pgmq.' || tg_table_name || '.' || tg_op, null);
    return null;
end $$
"""


class Channel(pgmq.Channel):
    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        if not self._has_queue(queue):  # type: ignore[no-untyped-call]  # kombu's inside is untyped
            super()._new_queue(queue, **kwargs)  # type: ignore[no-untyped-call]  # see above

    def _maybe_enable_notify(self, queue: str, queue_name: str | None = None) -> None:
        """Called for every declaration with the name, for consumers without it: only those listen."""
        if self.use_notify and queue_name is None:
            transport: Any = self.connection
            transport._register_notify_queue(self._queue_name(queue))  # noqa: SLF001  # its own transport


class Transport(pgmq.Transport):
    Channel = Channel

    def _create_pgmq_client(self) -> PGMQueue:
        pool = ConnectionPool(
            settings.BROKER_CONNINFO,
            min_size=1,
            max_size=2,
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
    """Install or upgrade the broker's tables; the sentence says what was done. Safe to repeat, and concurrently.

    There is no upgrade script for the SQL: another version is dropped with its doorbells and installed anew.
    """
    version = files("pgmq").joinpath("sql", "VERSION").read_text().strip()
    stamp = f"pgmq {version} with bells, installed by weir"
    with psycopg.connect(settings.BROKER_CONNINFO) as connection:
        connection.execute("set local synchronous_commit = on")
        connection.execute("select pg_advisory_xact_lock(%s)", [INSTALL_LOCK.number])
        found = connection.execute("select obj_description(to_regnamespace('pgmq'), 'pg_namespace')").fetchone()
        if found == (stamp,):
            return f"The broker's tables are there (pgmq {version})."
        connection.execute("drop schema if exists pgmq cascade")
        connection.execute(files("pgmq").joinpath("sql", "pgmq.sql").read_bytes())
        connection.execute(BELL)
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


def forget_doorbells() -> None:
    """At a start nobody is at the door: whatever rang before is found by the first sweep."""
    with psycopg.connect(settings.BROKER_CONNINFO) as connection:
        for queue in QUEUES:
            connection.execute("select pgmq.purge_queue(%s)", [queue])


def check() -> None:
    """Raise what the broker raises when it cannot be reached."""
    if settings.BROKER_IS_POSTGRES:
        with psycopg.connect(settings.BROKER_CONNINFO) as connection:
            connection.execute("select 1 from pgmq.meta limit 1")
        return
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=3)


def oldest_doorbell_s(queue: str) -> float | None:
    """Seconds since the oldest message was sent that nobody has read; None when there is none."""
    unread = sql.SQL("select extract(epoch from now() - min(enqueued_at)) from pgmq.{} where read_ct = 0")
    with psycopg.connect(settings.BROKER_CONNINFO) as connection:
        row = connection.execute(unread.format(sql.Identifier(f"q_{queue}"))).fetchone()
    return None if row is None or row[0] is None else float(row[0])

"""Telling those who keep rows in memory."""

from __future__ import annotations

from django.db import connection

from governance.memory.engine import AFTER, CHANNEL


def tell_after() -> int:
    """The number of this transaction, which CHANNEL tells at its commit, after whatever it told there before: who has
    heard it has read what it wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number::bigint, pg_notify(%s, %s || number) FROM (SELECT pg_current_xact_id()::text AS number)",
            [CHANNEL, f"{AFTER} "],
        )
        return int(cursor.fetchone()[0])

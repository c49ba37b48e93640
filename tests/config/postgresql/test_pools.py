"""Who waits for a connection, and how long."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from psycopg_pool import PoolTimeout

from config.postgresql.pools import SharedConnections
from governance.work.operations import is_of_the_database

# Port 1 of this machine: nobody listens there.
AWAY: dict[str, Any] = {"HOST": "127.0.0.1", "PORT": "1"}
PATIENT_S = 60


def test_for_a_database_that_is_away_nobody_waits_as_for_a_connection_in_use() -> None:
    with (
        SharedConnections(
            "host=127.0.0.1 port=1", min_size=1, max_size=2, timeout=PATIENT_S, away_after_s=0.1
        ) as connections,
        pytest.raises(PoolTimeout, match=r"after 0\.10 sec"),
    ):
        connections.getconn()


def test_for_a_connection_that_somebody_holds_one_waits(database_url: str) -> None:
    with (
        SharedConnections(database_url, min_size=1, max_size=1, timeout=PATIENT_S, away_after_s=0.05) as connections,
        ThreadPoolExecutor(1) as other,
    ):
        held = connections.getconn()
        waiting = other.submit(connections.getconn)
        # Counted once for the first place in the queue, and once for the second.
        while connections.get_stats().get("requests_queued", 0) < 2:
            threading.Event().wait(0.01)
        connections.putconn(held)
        taken = waiting.result()
        assert taken.execute("SELECT 1").fetchone() == (1,)
        connections.putconn(taken)


@pytest.mark.django_db
def test_django_is_told_what_is_answered_with_503(settings: Any) -> None:
    main = settings.DATABASES["default"]
    pool = {"min_size": 1, "max_size": 2, "timeout": PATIENT_S, "away_after_s": 0.1, "reconnect_timeout": 1}
    options = main["OPTIONS"] | {"pool": pool}
    away = main | AWAY | {"ENGINE": "config.postgresql", "CONN_MAX_AGE": 0, "OPTIONS": options}
    connection = ConnectionHandler({"default": main, "away": away})["away"]
    try:
        with pytest.raises(OperationalError, match=r"after 0\.10 sec") as refused:
            connection.ensure_connection()
        assert is_of_the_database(refused.value)
    finally:
        connection.close_pool()

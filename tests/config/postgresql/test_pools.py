"""Who waits for a connection, and how long."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from psycopg import Connection
from psycopg_pool import PoolTimeout

from config.postgresql import pools
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


class Watched(SharedConnections):
    """Notes each time the database is asked whether it is there."""

    asked = 0

    @staticmethod
    def check_connection(conn: Any) -> None:
        Watched.asked += 1
        SharedConnections.check_connection(conn)


def test_a_connection_that_has_just_answered_is_given_without_asking_and_one_that_is_gone_is_not_given(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watched, "asked", 0)
    monkeypatch.setattr(pools, "JUST_NOW_S", PATIENT_S)
    with Watched(database_url, min_size=1, max_size=1, timeout=PATIENT_S, is_checked=True) as connections:
        first = connections.getconn()
        connections.putconn(first)
        asked = Watched.asked
        second = connections.getconn()
        assert (second, Watched.asked) == (first, asked)
        # The server says goodbye to it, as it does when it is stopped.
        with Connection.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [second.info.backend_pid])
        connections.putconn(second)
        third = connections.getconn()
        assert third is not second
        assert third.execute("SELECT 1").fetchone() == (1,)
        connections.putconn(third)


def test_after_a_while_it_is_asked_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watched, "asked", 0)
    monkeypatch.setattr(pools, "JUST_NOW_S", 0)
    with Watched(database_url, min_size=1, max_size=1, timeout=PATIENT_S, is_checked=True) as connections:
        connections.putconn(connections.getconn())
        asked = Watched.asked
        connections.putconn(connections.getconn())
    assert Watched.asked == asked + 1

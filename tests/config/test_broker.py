import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from celery import Celery
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from config import broker
from governance.work.operations.nudges import Bell, Bells

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def broker_conninfo(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> str:
    main = connection.settings_dict
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    conninfo = make_conninfo("", **{word: main[name] or None for word, name in named.items()})
    monkeypatch.setattr(settings, "BROKER_CONNINFO", conninfo)
    monkeypatch.setattr(settings, "BROKER_OWNER_CONNINFO", conninfo)
    return conninfo


def queues(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as connected:
        return [name for (name,) in connected.execute("select queue_name from pgmq.meta order by queue_name")]


def test_queues_of_an_older_version_and_their_messages_go_with_the_upgrade(
    broker_conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(broker, "QUEUES", ("fast", "slow"))
        broker.install()
        with psycopg.connect(broker_conninfo) as connected:
            connected.execute("select pgmq.send('fast', '{}'), pgmq.send('slow', '{}')")
    assert queues(broker_conninfo) == ["fast", "slow"]

    assert broker.install().startswith("Installed the broker's tables")
    assert queues(broker_conninfo) == ["beat", "deliveries", "evaluation", "presses", "slow", "watch"]
    assert [broker.oldest_nudge_s(queue) for queue in broker.QUEUES] == [None] * len(broker.QUEUES)
    assert broker.install().startswith("The broker's tables are up to date")


# --- a broker that takes connections and says nothing ---------------------------------------------------------------


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """Listens; connections are taken by the operating system, and by nobody else."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


@pytest.fixture
def silent(silence: socket.socket) -> str:
    return f"127.0.0.1:{silence.getsockname()[1]}"


@pytest.mark.parametrize("url", ["redis://{}/0", "amqp://guest@{}//"])
def test_whoever_asks_a_silent_broker_is_answered(silent: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BROKER_IS_POSTGRES", False)
    monkeypatch.setattr(broker, "current_app", Celery("silent", broker=url.format(silent), set_as_current=False))
    monkeypatch.setattr(broker, "CHECKED_WITHIN_S", 0.2)
    monkeypatch.setattr(broker, "_checks", broker.Checks())
    told: list[str] = []

    def ask() -> None:
        for _ in range(3):
            try:
                broker.check()
            except TimeoutError as problem:
                told.append(str(problem))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(30)
    assert told == [broker.SILENT] * 3


def test_a_nudge_to_a_silent_broker_holds_no_request(silence: socket.socket, silent: str) -> None:
    app = Celery("silent", broker=f"redis://{silent}/0", set_as_current=False)
    bells = Bells(lambda bell: app.send_task(bell.task, queue=bell.queue, ignore_result=True, retry=False))

    def ring() -> None:
        for _ in range(100):
            bells.ring(Bell("policies.sweep", "slow"))

    ringing = threading.Thread(target=ring, daemon=True)
    ringing.start()
    ringing.join(30)
    assert not ringing.is_alive()
    assert not bells.finish(within_s=0.05)
    # What is refused is forgotten: nothing of it is left to be logged during another test.
    silence.close()
    assert bells.finish(within_s=60)


def test_what_a_check_raises_is_raised_and_the_next_one_is_made() -> None:
    checks = broker.Checks()

    def refuse() -> None:
        raise ConnectionRefusedError("nobody listens")

    for _ in range(2):
        with pytest.raises(ConnectionRefusedError, match="nobody listens"):
            checks.run(refuse, 30)
    checks.run(lambda: None, 30)


def test_redis_is_given_up_when_it_says_nothing() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", "from config import settings; print(settings.CELERY_BROKER_TRANSPORT_OPTIONS)"],
        env=os.environ | {"CELERY_BROKER_URL": "redis://127.0.0.1:1/0"},
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert printed == "{'visibility_timeout': 30, 'socket_timeout': 30, 'socket_connect_timeout': 5}\n"

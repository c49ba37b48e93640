import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from config import broker


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
    assert queues(broker_conninfo) == ["beat", "deliveries", "evaluation", "slow", "watch"]
    assert [broker.oldest_nudge_s(queue) for queue in broker.QUEUES] == [None] * len(broker.QUEUES)
    assert broker.install().startswith("The broker's tables are up to date")

"""The snapshot says what the database says, whatever changes, and however it hears of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from governance.memory.operations import tell_after
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import ApiKey
from governance.scopes.models import Scope
from policies.decisions.documents import Question
from policies.decisions.engine.snapshot import Snapshot
from policies.decisions.operations.following import Follower, follow_in_background
from tests.database_owner import as_owner
from tests.policies.conftest import AT, SYSTEM, Apply
from tests.policies.decisions.world import World, by_snapshot, by_statement

pytestmark = pytest.mark.django_db(transaction=True)


def conninfo() -> str:
    own = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    named = {word: own[name] or None for word, name in names.items()}
    return make_conninfo("", application_name="weir decisions", options="-c timezone=UTC", **named)


@contextmanager
def following(snapshot: Snapshot) -> Iterator[None]:
    stop = follow_in_background(conninfo(), snapshot)
    try:
        within(5, lambda: snapshot.read_at is not None)
        yield
    finally:
        stop()


def told_until_now(own: "psycopg.Connection[Any]") -> list[psycopg.Notify]:
    """Notifications come in the order of commits: this one comes last."""
    own.execute("SELECT pg_notify('weir_decisions', 'last')")
    told: list[psycopg.Notify] = []
    while not told or told[-1].payload != "last":
        told += own.notifies(timeout=1.0, stop_after=1)
    return told[:-1]


def within(seconds: float, holds: Callable[[], object]) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.002)
    return time.monotonic() - began


@pytest.mark.parametrize("seed", [1, 2])
def test_the_snapshot_answers_as_the_statement_whatever_changes(
    seed: int, apply: Apply, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The statement's attribution may use scopes that are a quarter of a second old.
    monkeypatch.setattr("allocation.usage.operations.pricing_context.TREE_MAX_AGE_S", 0.0)
    world = World.create(seed, apply)
    snapshot = Snapshot()
    follower = Follower(conninfo(), snapshot)
    with follower.connected() as own:
        follower.read_all(own)
        for _ in range(30):
            for _ in range(world.chance.randint(1, 3)):
                world.change()
            told = told_until_now(own)
            if world.chance.random() < 0.5:
                follower.read_told(own, told)
            else:  # every notification was lost
                follower.read_again(own)
            for _ in range(12):
                key, question, at = world.question()
                assert by_snapshot(snapshot, key, question, at) == by_statement(key, question, at), (key, question)
    fresh = Snapshot()
    with follower.connected() as own:
        Follower(conninfo(), fresh).read_all(own)
    fields = ("scopes", "by_path", "keys", "by_prefix", "constraints", "by_scope")
    assert {name: getattr(snapshot, name) for name in fields} == {name: getattr(fresh, name) for name in fields}


def test_a_change_is_known_within_milliseconds_of_its_commit(apply: Apply) -> None:
    world, snapshot = World.create(1, apply), Snapshot()
    with following(snapshot):
        took = []
        for _ in range(20):
            known = len(snapshot.constraints)
            world.constrain()
            took.append(within(1, lambda known=known: len(snapshot.constraints) > known))
    assert sorted(took)[len(took) // 2] < 0.1


def test_what_a_lost_notification_told_of_is_found_within_two_seconds(acme: Scope) -> None:
    snapshot = Snapshot()
    with following(snapshot):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE governance_scope DISABLE TRIGGER USER")
            cursor.execute(
                "INSERT INTO governance_scope (parent_id, slug, name, path, kind, practice, environment, criticality,"
                " labels, currency, is_unattributed, created_at) VALUES (%s, 'mute', '', 'acme/mute', 'team',"
                " 'finops_for_ai', '', 'high', '{}', '', false, now())",
                [acme.pk],
            )
            cursor.execute("UPDATE governance_scopetreeversion SET version = gen_random_uuid()")
            cursor.execute("ALTER TABLE governance_scope ENABLE TRIGGER USER")
        within(2, lambda: "acme/mute" in snapshot.by_path)


def test_a_transaction_that_tells_its_number_is_read_by_then(acme: Scope) -> None:
    snapshot = Snapshot()
    follower = Follower(conninfo(), snapshot)
    with follower.connected() as own:
        follower.read_all(own)
        with transaction.atomic():
            key = create_api_key(scope=acme, permissions=["decisions:read"], actor=SYSTEM, at=AT)[0]
            number = tell_after()
        told = told_until_now(own)
        assert [notify.payload for notify in told] == [f"key {key.pk}", f"after {number}"]
        follower.read_told(own, told[:1])
        assert list(snapshot.heard_after) == []
        follower.read_told(own, told[1:])
    assert (list(snapshot.heard_after), list(snapshot.keys)) == ([number], [key.pk])


def test_what_a_transaction_wrote_that_was_open_at_a_reading_is_found_later(acme: Scope) -> None:
    key = create_api_key(scope=acme, permissions=["decisions:read"], actor=SYSTEM, at=AT)[0]
    snapshot = Snapshot()
    follower = Follower(conninfo(), snapshot)
    with follower.connected() as own, psycopg.connect(conninfo()) as other:
        follower.read_all(own)
        other.execute("UPDATE governance_apikey SET revoked_at = now() WHERE id = %s", [key.pk])
        create_api_key(scope=acme, permissions=["decisions:read"], actor=SYSTEM, at=AT)  # a later one, that ends before
        follower.read_again(own)
        follower.read_again(own)
        assert (len(snapshot.keys), snapshot.keys[key.pk].revoked_at) == (2, None)
        other.commit()
        follower.read_again(own)
        assert snapshot.keys[key.pk].revoked_at is not None


def test_a_broken_connection_is_seen_and_made_anew(acme: Scope) -> None:
    snapshot = Snapshot()
    with following(snapshot):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'weir decisions' AND datname = current_database()"
            )
            assert cursor.fetchone() == (1,)
        create_scope(slug="after", kind="team", parent=acme, actor=SYSTEM, at=AT)
        within(3, lambda: "acme/after" in snapshot.by_path)


def test_a_database_that_is_away_makes_the_snapshot_old_and_ends_nothing() -> None:
    snapshot = Snapshot()
    follower = Follower(make_conninfo(conninfo(), dbname="nowhere"), snapshot)
    thread = threading.Thread(target=follower.follow)
    thread.start()
    time.sleep(0.2)
    assert (thread.is_alive(), snapshot.read_at) == (True, None)
    follower.stop()
    thread.join(3)
    assert not thread.is_alive()


def test_the_last_uses_of_keys_are_noted_together(acme: Scope) -> None:
    made = [create_api_key(scope=acme, permissions=["decisions:read"], actor=SYSTEM, at=AT) for _ in range(3)]
    snapshot = Snapshot()
    follower = Follower(conninfo(), snapshot)

    def ask(minutes: float) -> None:
        for _key, plaintext in made[:2]:
            by_snapshot(snapshot, plaintext, Question(scope="acme", model="o3"), AT + timedelta(minutes=minutes))

    def noted() -> list[Any]:
        return list(ApiKey.objects.order_by("id").values_list("last_used_at", flat=True))

    with follower.connected() as own:
        follower.read_all(own)
        ask(0)
        ask(0.9)
        assert len(snapshot.uses) == 2
        follower.note_uses(own)
        assert noted() == [AT, AT, None]
        ask(0.95)
        assert not snapshot.uses
        ask(1)
        follower.note_uses(own)
    assert noted() == [AT + timedelta(minutes=1)] * 2 + [None]

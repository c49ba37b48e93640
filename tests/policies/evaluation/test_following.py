"""`weir evaluate` hears what is marked, evaluates it, and listens again."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from governance.work.operations import DIRTY_CHANNEL, heard, listen, listening, mark_scopes_dirty
from policies.management.commands import evaluate

PATIENCE_S = 10.0


class Stopped(BaseException):
    """Ends the loop of a test."""


@pytest.fixture
def acme(transactional_db: None) -> Scope:
    return create_scope(slug="acme", kind="organisation", actor=Actor.system(), at=timezone.now())


def eventually(holds: Callable[[], bool], *, within_s: float = PATIENCE_S) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s
        time.sleep(0.005)
    return time.monotonic() - began


@pytest.fixture
def following(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The command in a thread, its own looks an hour apart; the event says that it is to lose its connection once."""
    monkeypatch.setattr(evaluate, "LOOK_EVERY_S", 3600.0)
    monkeypatch.setattr(listening, "AGAIN_AFTER_S", 0.01)
    is_over, loses = threading.Event(), threading.Event()

    def waiting(*, within_s: float) -> bool:
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if is_over.is_set():
                raise Stopped
            if loses.is_set():
                loses.clear()
                raise OperationalError("gone")
            if heard(within_s=0.05):
                return True
        return False

    def run() -> None:
        try:
            call_command("evaluate")
        except Stopped:
            connection.close()

    monkeypatch.setattr(evaluate, "heard", waiting)
    thread = threading.Thread(target=run)
    thread.start()
    yield loses
    is_over.set()
    thread.join(PATIENCE_S)


def test_a_mark_is_evaluated_without_waiting_for_the_next_look(following: threading.Event, acme: Scope) -> None:
    for _ in range(3):
        mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now())
        eventually(lambda: not DirtyScope.objects.exists())


def test_what_can_wait_is_evaluated_once_for_many_marks_and_delays_nothing_else(
    following: threading.Event, acme: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "RESTS", 1e9)
    monkeypatch.setattr(evaluate, "RESTS_S_MAX", 3600.0)
    team = create_scope(slug="team", kind="team", parent=acme, actor=Actor.system(), at=timezone.now())
    eventually(lambda: not DirtyScope.objects.exists())
    mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now(), can_wait=True)
    eventually(lambda: not DirtyScope.objects.exists())
    for _ in range(3):
        mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now(), can_wait=True)
    mark_scopes_dirty(scope_ids=[team.pk], at=timezone.now())
    eventually(lambda: list(DirtyScope.objects.values_list("scope_id", "generation")) == [(acme.pk, 3)])


def test_a_lost_connection_is_made_again_and_what_was_marked_meanwhile_is_evaluated(
    following: threading.Event, acme: Scope
) -> None:
    following.set()
    eventually(lambda: not following.is_set())
    for _ in range(2):
        mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now())
        eventually(lambda: not DirtyScope.objects.exists())


def test_once_evaluates_what_waits_and_ends(acme: Scope) -> None:
    mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now())
    call_command("evaluate", once=True)
    assert not DirtyScope.objects.exists()


def test_many_marks_of_a_transaction_are_heard_once_when_it_commits(acme: Scope) -> None:
    listen(DIRTY_CHANNEL)
    with transaction.atomic():
        for _ in range(5):
            mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now())
        assert not heard(within_s=0)
    assert heard(within_s=PATIENCE_S)
    assert not heard(within_s=0)


def test_what_is_rolled_back_is_not_heard(acme: Scope) -> None:
    listen(DIRTY_CHANNEL)
    with transaction.atomic():
        mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now())
        transaction.set_rollback(True)
    assert not heard(within_s=0.05)


def test_a_mark_costs_one_statement(acme: Scope, django_assert_num_queries: Any) -> None:
    with transaction.atomic(), django_assert_num_queries(1):
        mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now())

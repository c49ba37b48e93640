import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from governance.work.operations import nudge
from governance.work.operations.nudges import BELLS, Bell, Bells

SENDING = ("governance.send_due_deliveries", "deliveries")
SWEEP = ("policies.sweep", "slow")
QUIET_S = 0.1


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    rung: list[tuple[str, str]] = []

    def send(task: str, *, queue: str, **_options: Any) -> None:
        rung.append((task, queue))

    BELLS.finish()
    monkeypatch.setattr(current_app, "send_task", send)
    yield rung
    BELLS.finish()


def test_many_nudges_of_one_transaction_ring_once(
    db: None, sent: list[tuple[str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            nudge(SENDING[0], queue=SENDING[1])
        nudge(SWEEP[0], queue=SWEEP[1])
        assert sent == []
    assert BELLS.finish()
    assert sorted(sent) == sorted([SENDING, SWEEP])


def test_what_is_rolled_back_rings_nothing(
    db: None, sent: list[tuple[str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        nudge(SENDING[0], queue=SENDING[1])
        transaction.set_rollback(True)
    assert BELLS.finish()
    assert sent == []


def test_a_nudge_after_one_that_was_rolled_back_is_its_own(
    db: None, sent: list[tuple[str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            nudge(SENDING[0], queue=SENDING[1])
            transaction.set_rollback(True)
        nudge(SENDING[0], queue=SENDING[1])
    assert BELLS.finish()
    assert sent == [SENDING]


def test_a_broker_that_is_away_does_no_harm(
    db: None, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, caplog: Any
) -> None:
    def away(*_names: Any, **_options: Any) -> None:
        raise ConnectionError("nobody listens")

    monkeypatch.setattr(current_app, "send_task", away)
    with django_capture_on_commit_callbacks(execute=True) as rung:
        nudge(SENDING[0], queue=SENDING[1])
    assert len(rung) == 1
    assert BELLS.finish()
    told = "governance.send_due_deliveries is left to its schedule, since the broker refuses: nobody listens"
    assert [record.getMessage() for record in caplog.records] == [told]


def test_however_many_rings_are_two_messages_now_and_at_the_end_of_the_quiet_time() -> None:
    at: list[float] = []
    bells = Bells(lambda _bell: at.append(time.monotonic()), quiet_s=QUIET_S)
    began = time.monotonic()
    while time.monotonic() - began < QUIET_S / 2:
        bells.ring(Bell(*SENDING))
        time.sleep(QUIET_S / 50)
    time.sleep(2 * QUIET_S)

    assert len(at) == 2
    assert at[1] - at[0] >= QUIET_S


def test_a_ring_while_its_message_is_on_the_way_is_another_message() -> None:
    is_on_the_way, may_arrive = threading.Event(), threading.Event()
    sent: list[Bell] = []

    def send(bell: Bell) -> None:
        sent.append(bell)
        is_on_the_way.set()
        may_arrive.wait(5)

    bells = Bells(send, quiet_s=QUIET_S)
    bells.ring(Bell(*SENDING))
    assert is_on_the_way.wait(5)
    bells.ring(Bell(*SENDING))
    may_arrive.set()

    assert bells.finish()
    assert sent == [Bell(*SENDING), Bell(*SENDING)]


def test_a_broker_that_is_silent_delays_nobody() -> None:
    answers = threading.Event()
    sent: list[Bell] = []

    def send(bell: Bell) -> None:
        answers.wait(5)
        sent.append(bell)

    bells = Bells(send, quiet_s=QUIET_S)
    began = time.monotonic()
    for _ in range(1000):
        bells.ring(Bell(*SENDING))
        bells.ring(Bell(*SWEEP))
    assert not bells.finish(within_s=0.05)
    assert time.monotonic() - began < 2

    answers.set()
    assert bells.finish()
    assert {Bell(*SENDING), Bell(*SWEEP)} == set(sent)
    assert len(sent) <= 3


def test_a_forked_process_rings_bells_of_its_own() -> None:
    sent: list[Bell] = []
    bells = Bells(sent.append, quiet_s=QUIET_S)
    os.register_at_fork(after_in_child=bells.forget)
    bells.ring(Bell(*SENDING))
    assert bells.finish()

    child = os.fork()
    if child == 0:
        sent.clear()
        bells.ring(Bell(*SENDING))
        os._exit(0 if bells.finish() and sent == [Bell(*SENDING)] else 1)
    assert os.waitpid(child, 0)[1] == 0

from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from governance.work.operations import nudge


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    rung: list[tuple[str, str]] = []

    def send(task: str, *, queue: str, **_options: Any) -> None:
        rung.append((task, queue))

    monkeypatch.setattr(current_app, "send_task", send)
    return rung


def test_many_nudges_of_one_transaction_ring_once(
    db: None, sent: list[tuple[str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            nudge("governance.send_due_deliveries", queue="fast")
        nudge("policies.evaluate_dirty_scopes", queue="fast")
        assert sent == []
    assert sent == [("governance.send_due_deliveries", "fast"), ("policies.evaluate_dirty_scopes", "fast")]


def test_what_is_rolled_back_rings_nothing(
    db: None, sent: list[tuple[str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        nudge("governance.send_due_deliveries", queue="fast")
        transaction.set_rollback(True)
    assert sent == []


def test_a_nudge_after_one_that_was_rolled_back_is_its_own(
    db: None, sent: list[tuple[str, str]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            nudge("governance.send_due_deliveries", queue="fast")
            transaction.set_rollback(True)
        nudge("governance.send_due_deliveries", queue="fast")
    assert sent == [("governance.send_due_deliveries", "fast")]


def test_a_broker_that_is_away_does_no_harm(
    db: None, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def away(*_names: Any, **_options: Any) -> None:
        raise ConnectionError("nobody listens")

    monkeypatch.setattr(current_app, "send_task", away)
    with django_capture_on_commit_callbacks(execute=True) as rung:
        nudge("governance.send_due_deliveries", queue="fast")
    assert len(rung) == 1

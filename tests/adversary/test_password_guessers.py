"""Who guesses the passwords of an account is stopped before a password is hashed, and it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from governance.organisations.operations.sign_in import FAILURES_MAX, GUESSES, WITHIN
from governance.people.models import User
from governance.records.models import DecisionRecord
from tests.conftest import AT

pytestmark = [pytest.mark.adversary("greedy callers"), pytest.mark.django_db]
RIGHT, WRONG = "correct horse battery", "Tr0ub4dor&3"


@pytest.fixture(autouse=True)
def _nobody_guessed() -> Iterator[None]:
    GUESSES.forget()
    yield
    GUESSES.forget()


def sign_in(email: str, password: str) -> tuple[bool, str]:
    client = Client(headers={"X-Forwarded-For": "9.9.9.9"})
    answer = client.post("/admin/login/", {"username": email, "password": password})
    said = "Too many passwords" if "Too many passwords" in answer.content.decode() else ""
    return "_auth_user_id" in client.session, said


def test_an_account_is_closed_for_a_while_after_five_wrong_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user("ada@example.com", RIGHT, is_staff=True)
    with time_machine.travel(AT, tick=False) as clock:
        assert sign_in("ada@example.com", RIGHT) == (True, "")
        guessed = [sign_in(f"{name}@example.com", WRONG) for name in ("ada", "ADA", "Ada", "ada", "ada")]
        hashed: list[str] = []
        monkeypatch.setattr(User, "check_password", lambda _user, password: hashed.append(password) is None)
        closed = sign_in("ada@example.com", RIGHT)
        assert (guessed, closed, hashed) == ([(False, "")] * FAILURES_MAX, (False, "Too many passwords"), [])
        clock.shift(WITHIN + timedelta(seconds=1))
        assert sign_in("ada@example.com", RIGHT) == (True, "")
    record = DecisionRecord.objects.get(action="sign_in.throttle")
    assert record.evidence == {"forwarded_for": "9.9.9.9"}


def test_an_account_that_nobody_has_is_answered_alike_and_not_recorded() -> None:
    with time_machine.travel(AT, tick=False):
        said = [sign_in("nobody@example.com", WRONG) for _ in range(FAILURES_MAX + 1)]
    assert said == [(False, "")] * FAILURES_MAX + [(False, "Too many passwords")]
    assert not DecisionRecord.objects.filter(action="sign_in.throttle").exists()

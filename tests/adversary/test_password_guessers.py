"""Who guesses the passwords of an account is stopped before a password is hashed, it is recorded, and the owner gets in
all the same.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from governance.people.models import User
from governance.records.models import DecisionRecord
from governance.sign_in.operations import FAILURES_MAX, STRANGERS_MAX, STRANGERS_PAUSE, WITHIN
from tests.conftest import AT

pytestmark = [pytest.mark.adversary("greedy callers"), pytest.mark.django_db]
RIGHT, WRONG = "correct horse battery", "Tr0ub4dor&3"
GUESSER, HOME = "9.9.9.9", "1.2.3.4"


def at_address(address: str) -> Client:
    """As the front hands a request on, over a socket."""
    return Client(REMOTE_ADDR="", headers={"X-Forwarded-For": address})


def sign_in(email: str, password: str, client: Client | None = None) -> tuple[bool, str]:
    client = client or at_address(GUESSER)
    answer = client.post("/admin/login/", {"username": email, "password": password})
    said = "Too many passwords" if "Too many passwords" in answer.content.decode() else ""
    return "_auth_user_id" in client.session, said


def records() -> list[tuple[str, object]]:
    return list(DecisionRecord.objects.filter(action="sign_in.throttle").values_list("reason", "evidence"))


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.com", RIGHT, is_staff=True)


def test_an_account_is_closed_to_an_address_after_five_wrong_passwords(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(AT, tick=False) as clock:
        assert sign_in("ada@example.com", RIGHT) == (True, "")
        guessed = [sign_in(f"{name}@example.com", WRONG) for name in ("ada", "ADA", " Ada", "ada", "ada")]
        hashed: list[str] = []
        with monkeypatch.context() as patched:
            patched.setattr(User, "check_password", lambda _user, password: hashed.append(password) is None)
            closed = sign_in("ada@example.com", RIGHT)
        assert (guessed, closed, hashed) == ([(False, "")] * FAILURES_MAX, (False, "Too many passwords"), [])
        clock.shift(WITHIN)
        assert sign_in("ada@example.com", RIGHT) == (True, "")
    assert records() == [("5 passwords were wrong within 15 minutes, from one address", {"address": GUESSER})]


def test_others_who_guess_do_not_keep_the_owner_out(ada: User) -> None:
    with time_machine.travel(AT, tick=False):
        for _ in range(FAILURES_MAX + 2):
            guessed = sign_in("ada@example.com", WRONG)
        assert guessed == (False, "Too many passwords")
        assert sign_in("ada@example.com", RIGHT, at_address(HOME)) == (True, "")


def test_nor_does_a_guesser_at_the_same_address_when_the_browser_is_known(ada: User) -> None:
    owner = at_address(GUESSER)
    with time_machine.travel(AT, tick=False):
        assert sign_in("ada@example.com", RIGHT, owner) == (True, "")
        del owner.cookies["sessionid"]
        for _ in range(FAILURES_MAX):
            sign_in("ada@example.com", WRONG)
        assert sign_in("ada@example.com", RIGHT) == (False, "Too many passwords")
        assert sign_in("ada@example.com", WRONG, owner) == (False, "")
        assert sign_in("ada@example.com", RIGHT, owner) == (True, "")


def test_a_known_browser_has_five_guesses_as_well_and_is_known_to_one_account_only(ada: User) -> None:
    User.objects.create_user("eve@example.com", RIGHT, is_staff=True)
    eve = at_address(GUESSER)
    with time_machine.travel(AT, tick=False):
        assert sign_in("eve@example.com", RIGHT, eve) == (True, "")
        del eve.cookies["sessionid"]
        tried = [sign_in("eve@example.com", WRONG, eve)[1] for _ in range(FAILURES_MAX + 1)]
        assert tried == [""] * FAILURES_MAX + ["Too many passwords"]
        # With her own account's cookie Eve is at Ada's what everybody of her address is.
        tried = [sign_in("ada@example.com", WRONG, eve)[1] for _ in range(FAILURES_MAX + 1)]
        assert tried == [""] * FAILURES_MAX + ["Too many passwords"]
        assert sign_in("ada@example.com", RIGHT) == (False, "Too many passwords")


def test_guessers_at_many_addresses_wait_for_one_another_and_the_owners_browser_does_not(ada: User) -> None:
    owner = at_address(HOME)
    with time_machine.travel(AT, tick=False) as clock:
        assert sign_in("ada@example.com", RIGHT, owner) == (True, "")
        del owner.cookies["sessionid"]
        tried = [sign_in("ada@example.com", WRONG, at_address(f"9.9.8.{one}"))[1] for one in range(STRANGERS_MAX + 9)]
        assert tried == [""] * STRANGERS_MAX + ["Too many passwords"] * 9
        clock.shift(STRANGERS_PAUSE)
        tried = [sign_in("ada@example.com", WRONG, at_address(f"9.9.7.{one}"))[1] for one in range(3)]
        assert tried == ["", "Too many passwords", "Too many passwords"]
        assert sign_in("ada@example.com", RIGHT, owner) == (True, "")
        # What was not looked at does not count against the owner's new address.
        tried = [sign_in("ada@example.com", RIGHT, at_address(HOME))[1] for _ in range(FAILURES_MAX)]
        clock.shift(STRANGERS_PAUSE)
        assert (tried, sign_in("ada@example.com", RIGHT, at_address(HOME))) == (
            ["Too many passwords"] * FAILURES_MAX, (True, ""),
        )  # fmt: skip
        clock.shift(timedelta(seconds=1))
    assert records() == [
        (
            "20 passwords were wrong within 15 minutes, from several addresses: one is tried every 10 s",
            {"address": "9.9.8.19"},
        )
    ]


def test_an_account_that_nobody_has_is_answered_alike_and_not_recorded() -> None:
    with time_machine.travel(AT, tick=False):
        said = [sign_in("nobody@example.com", WRONG) for _ in range(FAILURES_MAX + 1)]
    assert said == [(False, "")] * FAILURES_MAX + [(False, "Too many passwords")]
    assert records() == []

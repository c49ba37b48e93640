"""Where people are signed in is theirs to see and to end, and lasts as long as what they may do allows."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from governance.people.models import Ownership, User
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.sign_in.admin.sessions import browser_of
from governance.sign_in.models import SignedIn
from tests.governance.conftest import AT, Person

PASSWORD = "a long password"
LIST = "/admin/governance/signedin/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def signed_in(email: str, address: str = "1.2.3.4", agent: str = FIREFOX) -> Client:
    """By the page, as a person does."""
    client = Client(REMOTE_ADDR="", headers={"X-Forwarded-For": address, "User-Agent": agent})
    assert client.post("/admin/login/", {"username": email, "password": PASSWORD}).status_code == 302
    assert is_in(client)
    return client


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def shown(client: Client, query: str = "") -> set[str]:
    return {f"{one.user} {one.address}" for one in client.get(f"{LIST}{query}").context["cl"].result_list}


@pytest.fixture
def ada(acme: Scope, person: Person) -> User:
    return person("ada@example.com", acme)


def end(client: Client, *rows: SignedIn) -> Any:
    return client.post(LIST, {"action": "end", "_selected_action": [row.pk for row in rows]}, follow=True)


def test_somebody_ends_a_session_of_their_own_that_they_left_elsewhere(ada: User) -> None:
    here, elsewhere = signed_in("ada@example.com"), signed_in("ada@example.com", "9.9.9.9")
    assert shown(here) == {"ada@example.com 1.2.3.4", "ada@example.com 9.9.9.9"}
    said = end(here, SignedIn.objects.get(address="9.9.9.9")).content.decode()
    assert "ada@example.com is signed out of Firefox on Linux." in said
    assert (is_in(here), is_in(elsewhere), shown(here)) == (True, False, {"ada@example.com 1.2.3.4"})
    record = DecisionRecord.objects.get(action="session.end")
    assert (record.actor, record.subject, record.evidence["address"]) == (
        "ada@example.com", "user:ada@example.com", "9.9.9.9",
    )  # fmt: skip


def test_nobody_sees_or_ends_those_of_others_but_who_manages_people(acme: Scope, ada: User, person: Person) -> None:
    person("bob@example.com", acme, "platform")
    User.objects.create_superuser("root@example.com", PASSWORD)
    hers, his, root = signed_in("ada@example.com"), signed_in("bob@example.com"), signed_in("root@example.com")
    row = SignedIn.objects.get(user=ada)
    assert shown(his) == {"bob@example.com 1.2.3.4"}
    end(his, row)
    assert is_in(hers)
    bob = User.objects.get(email="bob@example.com")
    bob.user_permissions.add(Permission.objects.get(codename="change_user"))
    assert shown(his) == {"bob@example.com 1.2.3.4", "ada@example.com 1.2.3.4"}
    end(his, SignedIn.objects.get(user__email="root@example.com"))
    assert is_in(root)
    end(his, row)
    assert (is_in(hers), is_in(his)) == (False, True)
    assert len(shown(root)) == 2
    assert shown(root, "?mine=1") == {"root@example.com 1.2.3.4"}


@pytest.mark.parametrize(
    ("persona", "right", "hours"),
    [("engineering", "", 168), ("finance", "", 12), ("platform", "approve_budget", 12)],
)
def test_whoever_decides_on_money_is_signed_in_for_a_shorter_time(
    acme: Scope, person: Person, settings: Any, persona: str, right: str, hours: int
) -> None:
    settings.SESSION_IDLE_MINUTES = settings.SESSION_FINANCE_IDLE_MINUTES = 14 * 1440
    person("fay@example.com", acme, persona, right)
    with time_machine.travel(AT, tick=False) as clock:
        client = signed_in("fay@example.com")
        clock.shift(timedelta(hours=hours) - timedelta(seconds=1))
        assert is_in(client)
        clock.shift(timedelta(seconds=1))
        assert not is_in(client)
    assert not SignedIn.objects.lasting(AT + timedelta(hours=hours)).exists()


@pytest.mark.parametrize(
    ("persona", "right", "minutes"),
    [("engineering", "", 1440), ("finance", "", 60), ("platform", "approve_budget", 60)],
)
def test_who_does_nothing_is_signed_out_and_sooner_who_decides_on_money(
    acme: Scope, person: Person, persona: str, right: str, minutes: int
) -> None:
    person("fay@example.com", acme, persona, right)
    with time_machine.travel(AT, tick=False) as clock:
        client = signed_in("fay@example.com")
        for _ in range(3):
            clock.shift(timedelta(minutes=minutes))
            assert is_in(client)
        clock.shift(timedelta(minutes=minutes + 1))
        answer = client.get("/admin/")
        assert (answer.status_code, answer.headers["Clear-Site-Data"]) == (302, '"cache"')
        assert not is_in(client)
    assert not SignedIn.objects.exists()


def test_who_signs_out_leaves_nothing_in_the_browser(ada: User) -> None:
    client = signed_in("ada@example.com")
    answer = client.post("/admin/logout/")
    assert (answer.headers["Clear-Site-Data"], is_in(client)) == ('"cache"', False)


def test_who_is_given_such_a_right_meanwhile_is_signed_in_for_the_shorter_time(acme: Scope, ada: User) -> None:
    with time_machine.travel(AT, tick=False) as clock:
        client = signed_in("ada@example.com")
        clock.shift(timedelta(hours=13))
        assert is_in(client)
        Ownership.objects.create(scope=acme, user=ada, persona="finance", decision_right="approve_budget")
        assert not is_in(client)


def test_a_new_password_ends_every_other_session_and_this_one_stays_in_the_list(ada: User) -> None:
    here, elsewhere = signed_in("ada@example.com"), signed_in("ada@example.com", "9.9.9.9")
    new = {"old_password": PASSWORD, "new_password1": "another long one", "new_password2": "another long one"}
    assert here.post("/admin/password_change/", new).status_code == 302
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert shown(here) == {"ada@example.com 1.2.3.4"}


def test_the_last_use_is_stored_once_a_minute(ada: User) -> None:
    with time_machine.travel(AT, tick=False) as clock:
        client = signed_in("ada@example.com")
        clock.shift(timedelta(seconds=59))
        assert is_in(client)
        assert SignedIn.objects.get().last_seen_at == AT
        clock.shift(timedelta(seconds=1))
        assert is_in(client)
        assert SignedIn.objects.get().last_seen_at == AT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("curl/8.0", "curl/8.0"),
        ("", "unknown"),
    ],
)
def test_a_browser_is_called_as_its_owner_calls_it(agent: str, wanted: str) -> None:
    assert browser_of(agent) == wanted

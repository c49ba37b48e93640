"""What fails for some is seen where an operator looks, by those who see the whole installation."""

from typing import Any

import pytest
from django.test import Client

from allocation.usage.models import UsageJournal
from budgets.ledger.operations.opening import OPENING_HEARTBEAT
from config import apart
from governance.people.models import User
from governance.scopes.models import Scope
from governance.work.models import Heartbeat
from tests.conftest import AT
from tests.governance.conftest import Person, person

__all__ = ["person"]
SENTENCES = [
    "Accounts of budgets cannot be opened or ended for globex: see the log; all others go on.",
    (
        "3 calls were charged and are in no roll-up, since they could not be folded: see the log of `fold`, mend the"
        " cause, then `weir fold-usage --again --once`."
    ),
]


@pytest.fixture
def failing(db: None) -> None:
    Heartbeat.objects.create(name=OPENING_HEARTBEAT, beat_at=AT, detail="globex")
    UsageJournal.objects.create(received_at=AT, calls=3, counted=b"[]", failed_at=AT, error="ValueError: of a test")


def page_of(client: Client, user: User) -> str:
    client.force_login(user)
    return client.get("/admin/").content.decode()


@pytest.mark.usefixtures("failing")
def test_the_first_page_names_it_to_who_sees_everything(client: Client, acme: Scope, person: Person) -> None:
    assert apart.sentences() == SENTENCES
    page = page_of(client, User.objects.create_superuser("root@example.com", "a long password"))
    assert [sentence for sentence in SENTENCES if sentence not in page] == []
    others = page_of(client, person("finance@example.com", acme, "finance"))
    assert [word for word in ("cannot be opened", "globex", "could not be folded") if word in others] == []


@pytest.mark.usefixtures("failing")
def test_readiness_says_to_operators_that_there_is_something_and_not_of_whom(client: Client) -> None:
    anonymous: Any = client.get("/readyz")
    assert (b"fails" in anonymous.content, b"apart" in anonymous.content) == (False, False)
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    answer: Any = client.get("/readyz")
    assert answer.json()["checks"]["apart"] == {
        "ok": True, "detail": "something fails for some, and `weir doctor` names it",
    }  # fmt: skip
    assert b"globex" not in answer.content


@pytest.mark.django_db
def test_where_nothing_fails_nothing_is_said(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    assert client.get("/readyz").json()["checks"]["apart"] == {"ok": True, "detail": "nothing fails for some alone"}

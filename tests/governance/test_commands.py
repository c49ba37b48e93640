from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone

from governance.messages.channels import Refused
from governance.messages.models import Delivery
from governance.messages.operations import claim_due_delivery, queue_delivery, save_channel, settle_delivery
from governance.people.models import Ownership, User
from governance.people.operations import authenticate_key
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, message


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_key_from_creation_to_its_end(search: Scope) -> None:
    plaintext = run(
        "keys", "create", "--scope", "acme/search", "--can", "usage:write, decisions:read", "--expires", "90d"
    ).strip()
    key = authenticate_key(plaintext, at=timezone.now())
    assert key is not None
    assert key.permissions == ["decisions:read", "usage:write"]
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days == 90
    listed = run("keys", "list", "--scope", "acme")
    assert key.prefix in listed
    assert plaintext not in listed
    run("keys", "revoke", key.prefix, "--reason", "leaked")
    assert authenticate_key(plaintext, at=timezone.now()) is None
    assert "revoked" in run("keys", "list")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("keys", "create", "--scope", "nowhere", "--can", "admin"), "no scope nowhere"),
        (("keys", "create", "--scope", "acme", "--can", "everything"), "Unknown permission 'everything'"),
        (("keys", "create", "--scope", "acme", "--can", "admin", "--expires", "soon"), "no span of time"),
        (("keys", "revoke", "0000000000"), "There is no key"),
        (("users", "create", "ada", "--persona", "finance", "--scope", "acme"), "is no email address"),
        (("users", "create", "ada@example.com", "--persona", "finance", "--scope", "nowhere"), "no scope nowhere"),
        (
            ("users", "create", "a@example.com", "--persona", "finance", "--scope", "acme", "--rights", "x"),
            "Unknown right",
        ),
        (("deliveries", "replay"), "Name the deliveries"),
        (("deliveries", "replay", "00000000-0000-0000-0000-000000000000"), "There is no delivery"),
    ],
)
def test_a_mistake_is_a_sentence(acme: Scope, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*words)
    assert not User.objects.exists()


def test_a_person_is_created_once_and_given_more(acme: Scope, search: Scope) -> None:
    password = run("users", "create", "Fay@Example.com", "--persona", "finance", "--scope", "acme").strip()
    fay: Any = authenticate(username="fay@example.com", password=password)
    assert fay.is_staff
    assert set(Ownership.objects.values_list("persona", "decision_right")) == {
        ("finance", "approve_budget"), ("finance", "set_unit_cost"),
    }  # fmt: skip
    assert (
        run("users", "create", "fay@example.com", "--persona", "finops", "--scope", "acme/search", "--rights", "") == ""
    )
    assert User.objects.count() == 1
    assert Ownership.objects.filter(scope=search).values_list("persona", "decision_right").get() == ("finops", "")


def test_dead_deliveries_are_listed_and_replayed(search: Scope) -> None:
    channel = save_channel(scope=search, kind="slack", name="a", url="https://hooks.slack.com/x", actor=SYSTEM, at=AT)
    queue_delivery(channel=channel, dedup_key="a", message=message(), at=AT)
    assert run("deliveries", "list", "--dead") == ""
    lease = claim_due_delivery(at=AT)
    assert lease is not None
    settle_delivery(lease=lease, outcome=Refused("404 no_service"), at=AT)
    assert "404 no_service" in run("deliveries", "list", "--dead")
    assert run("deliveries", "replay", "--all") == "1 to be sent again.\n"
    assert Delivery.objects.get().status == "pending"
    with pytest.raises(CommandError, match="only a dead one"):
        run("deliveries", "replay", str(lease.delivery.pk))


def test_the_chain_is_verified_headed_and_exported(search: Scope) -> None:
    head = run("audit", "head").strip()
    assert head in run("audit", "verify", "--head", head)
    assert len(run("audit", "export").splitlines()) == 2


def test_secrets_are_rotated(search: Scope) -> None:
    save_channel(scope=search, kind="slack", name="a", url="https://hooks.slack.com/x", actor=SYSTEM, at=AT)
    assert run("secrets", "rotate") == "0 sealed anew, 1 were current.\n"

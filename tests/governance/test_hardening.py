"""What somebody with another organisation, a lost key or a hostile receiver could do: nothing, and each is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from governance.errors import Forbidden, Invalid
from governance.messages.channels import Retry
from governance.messages.models import Channel, Delivery
from governance.messages.operations import (
    ATTEMPTS_MAX,
    LEASE,
    channel_secrets,
    claim_due_delivery,
    queue_delivery,
    replay_delivery,
    save_channel,
    settle_delivery,
)
from governance.organisations.operations import change_scope, create_api_key, revoke_api_key
from governance.people.models import ApiKey, Ownership, User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person, message
from tests.governance.test_admin import SLACK_URL, inline, signed_in

OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.fixture
def consultant(acme: Scope, globex: Scope, person: Person) -> Actor:
    """Of the platform at globex; at acme somebody who looks on."""
    user = person("con@example.com", globex, "platform")
    Ownership.objects.create(scope=acme, user=user, persona="engineering")
    return Actor.of_user(user)


def test_a_persona_of_one_organisation_changes_nothing_in_another(
    consultant: Actor, acme: Scope, globex: Scope
) -> None:
    create_api_key(scope=globex, permissions=["usage:read"], actor=consultant, at=AT)
    foreign_key, _ = create_api_key(scope=acme, permissions=["usage:read"], actor=SYSTEM, at=AT)
    channel = save_channel(scope=acme, kind="slack", name="finops", url=SLACK_URL, actor=SYSTEM, at=AT)
    delivery = queue_delivery(channel=channel, dedup_key="a", message=message(), at=AT)
    assert delivery is not None
    Delivery.objects.update(status="dead", dead_at=AT)
    with pytest.raises(Forbidden):
        create_api_key(scope=acme, permissions=["admin"], actor=consultant, at=AT)
    with pytest.raises(Forbidden):
        revoke_api_key(key_id=foreign_key.pk, actor=consultant, at=AT)
    with pytest.raises(Forbidden):
        save_channel(scope=acme, kind="slack", name="theirs", url=SLACK_URL, actor=consultant, at=AT)
    with pytest.raises(Forbidden):
        replay_delivery(delivery_id=delivery.pk, actor=consultant, at=AT)
    assert (ApiKey.objects.filter(scope=acme).count(), Delivery.objects.get().status) == (1, "dead")
    assert not Channel.objects.filter(name="theirs").exists()


def test_the_admin_tells_them_so(consultant: Actor, acme: Scope) -> None:
    assert consultant.user is not None
    form = {"scope": acme.pk, "name": "ci", "permissions": ["usage:write"]}
    page = signed_in(consultant.user).post("/admin/governance/apikey/add/", form, follow=True)
    assert "has no say over acme" in page.content.decode()
    assert not ApiKey.objects.exists()


@pytest.fixture
def finops(acme: Scope) -> Channel:
    return save_channel(scope=acme, kind="slack", name="finops", url=SLACK_URL, actor=SYSTEM, at=AT)


@pytest.mark.parametrize("text", ["200 \0 NUL", "500 \ud800 half a character"])
def test_an_answer_that_cannot_be_stored_settles_all_the_same(finops: Channel, text: str) -> None:
    """Unsettled, the message would be sent again every minute."""
    queue_delivery(channel=finops, dedup_key="a", message=message(), at=AT)
    lease = claim_due_delivery(at=AT)
    assert lease is not None
    assert settle_delivery(lease=lease, outcome=Retry(text), at=AT)
    assert Delivery.objects.get().status == "pending"


def test_a_message_that_ends_its_sender_each_time_is_given_up(finops: Channel) -> None:
    queue_delivery(channel=finops, dedup_key="deadly", message=message(), at=AT)
    queue_delivery(channel=finops, dedup_key="harmless", message=message(), at=AT + timedelta(days=1))
    at = AT
    for _ in range(ATTEMPTS_MAX):
        assert claim_due_delivery(at=at) is not None
        at += LEASE
    harmless = claim_due_delivery(at=AT + timedelta(days=2))
    assert harmless is not None
    assert harmless.delivery.dedup_key == "harmless"
    deadly = Delivery.objects.get(dedup_key="deadly")
    assert (deadly.status, deadly.attempts_count) == ("dead", ATTEMPTS_MAX)
    assert "none was ever settled" in deadly.last_error


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser("root@example.com", "a long password"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://[::1"},
        {"kind": "webhook", "url": "https://example.com", "secret": "sécret"},
        {"kind": "email", "name": "owners", "url": "", "recipients": "a@example.com"},
    ],
)
def test_a_channel_that_makes_no_sense_is_a_form_error(root: Client, search: Scope, wrong: dict[str, str]) -> None:
    form = {"scope": search.pk, "kind": "slack", "name": "finops", "is_enabled": "on", "url": SLACK_URL, **wrong}
    page = root.post("/admin/governance/channel/add/", form)
    assert page.status_code == 200
    assert page.context["adminform"].form.errors
    assert not Channel.objects.filter(scope=search).exists()


def test_a_channel_whose_key_is_lost_can_be_given_a_new_secret(root: Client, finops: Channel, settings: Any) -> None:
    settings.WEIR_SECRET_KEYS = [OTHER_KEY]
    page = f"/admin/governance/channel/{finops.pk}/change/"
    assert "cannot be used" in root.post(page, {"is_enabled": "on", "url": ""}).content.decode()
    assert root.post(page, {"is_enabled": "on", "url": SLACK_URL}).status_code == 302
    finops.refresh_from_db()
    assert channel_secrets(finops).url == SLACK_URL


def test_without_a_key_to_seal_with_the_admin_says_so(root: Client, search: Scope, settings: Any) -> None:
    settings.WEIR_SECRET_KEYS = []
    form = {"scope": search.pk, "kind": "slack", "name": "finops", "is_enabled": "on", "url": SLACK_URL}
    page = root.post("/admin/governance/channel/add/", form, follow=True)
    assert "set WEIR_SECRET_KEYS" in page.content.decode()


@pytest.mark.parametrize("labels", ["[1]", '"text"', '{"a": 1}', '{"a": {"b": "c"}}', "7"])
def test_labels_are_names_and_texts(root: Client, search: Scope, labels: str) -> None:
    form = {"kind": "team", "practice": "finops_for_ai", "criticality": "standard", "labels": labels, **inline()}
    page = root.post(f"/admin/governance/scope/{search.pk}/change/", form)
    assert page.status_code == 200
    assert "labels" in page.context["adminform"].form.errors
    with pytest.raises(Invalid):
        change_scope(scope_id=search.pk, changes={"labels": [1]}, actor=SYSTEM, at=AT)


def test_labels_taken_out_are_none(root: Client, search: Scope) -> None:
    form = {"kind": "team", "practice": "finops_for_ai", "criticality": "standard", "labels": "", **inline()}
    assert root.post(f"/admin/governance/scope/{search.pk}/change/", form).status_code == 302
    search.refresh_from_db()
    assert search.labels == {}


def test_who_may_change_people_makes_no_administrators(acme: Scope, person: Person) -> None:
    ada = person("ada@example.com", acme, "platform")
    ada.user_permissions.add(Permission.objects.get(codename="change_user"))
    boss = User.objects.create_superuser("boss@example.com", "a long password")
    Ownership.objects.create(scope=acme, user=boss, persona="platform")
    client = signed_in(User.objects.get(pk=ada.pk))
    form = {"email": "Ada@Example.com", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    assert client.post(f"/admin/governance/user/{ada.pk}/change/", form).status_code == 302
    ada.refresh_from_db()
    assert (ada.email, ada.is_superuser) == ("ada@example.com", False)
    assert client.post(f"/admin/governance/user/{boss.pk}/change/", form).status_code == 403
    assert client.get(f"/admin/governance/user/{boss.pk}/password/").status_code == 403

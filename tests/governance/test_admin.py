from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.messages.channels import Refused
from governance.messages.models import Channel, Delivery
from governance.messages.operations import (
    channel_secrets,
    claim_due_delivery,
    queue_delivery,
    save_channel,
    settle_delivery,
)
from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey, Ownership, User
from governance.people.operations import authenticate_key
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person, message
from tests.governance.records.test_queries import tamper

MODELS = ("scope", "user", "apikey", "channel", "delivery", "decisionrecord")


SLACK_URL = "https://hooks.slack.com/services/T/B/secret"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser("root@example.com", "a long password"))


@pytest.fixture
def world(acme: Scope, search: Scope, ranker: Scope, globex: Scope) -> None:
    for scope in (search, globex):
        create_api_key(scope=scope, permissions=["admin"], name=f"key of {scope.slug}", actor=SYSTEM, at=AT)
        channel = save_channel(scope=scope, kind="slack", name=f"chan-{scope.slug}", url=SLACK_URL, actor=SYSTEM, at=AT)
        queue_delivery(channel=channel, dedup_key="a", message=message(title=f"news of {scope.slug}"), at=AT)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("persona", ["engineering", "finance", "finops", "platform"])
def test_everybody_looks_at_their_own_scopes_and_at_no_others(
    world: None, search: Scope, person: Person, model: str, persona: str
) -> None:
    client = signed_in(person("ada@example.com", search, persona))
    page = client.get(f"/admin/governance/{model}/").content.decode()
    assert "globex" not in page
    assert client.get(f"/admin/governance/{model}/?q=x").status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_a_foreign_row_is_not_there(world: None, search: Scope, person: Person, model: str) -> None:
    client = signed_in(person("ada@example.com", search, "platform"))
    foreign: dict[str, Any] = {
        "scope": Scope.objects.get(path="globex"), "user": User.objects.create_user("eve@globex.example"),
        "apikey": ApiKey.objects.get(scope__path="globex"), "channel": Channel.objects.get(name="chan-globex"),
        "delivery": Delivery.objects.get(channel__name="chan-globex"),
        "decisionrecord": DecisionRecord.objects.filter(scope_path="globex").first(),
    }  # fmt: skip
    assert client.get(f"/admin/governance/{model}/{foreign[model].pk}/change/").status_code == 302


@pytest.mark.parametrize("model", MODELS)
def test_every_page_opens_and_nothing_can_be_deleted(world: None, root: Client, model: str) -> None:
    assert root.get(f"/admin/governance/{model}/").status_code == 200
    rows: dict[str, Any] = {
        "scope": Scope,
        "user": User,
        "apikey": ApiKey,
        "channel": Channel,
        "delivery": Delivery,
        "decisionrecord": DecisionRecord,
    }
    for row in rows[model].objects.all():
        assert root.get(f"/admin/governance/{model}/{row.pk}/change/").status_code == 200
        assert root.post(f"/admin/governance/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_scopes_stand_as_an_indented_tree(world: None, root: Client) -> None:
    page = root.get("/admin/governance/scope/").content.decode()
    assert page.index('title="acme"') < page.index('title="acme/search"') < page.index('title="acme/search/ranker"')
    assert 'padding-left: 3.0rem" title="acme/search/ranker"' in page


def inline(count: int = 0) -> dict[str, str]:
    return {"ownerships-TOTAL_FORMS": str(count), "ownerships-INITIAL_FORMS": "0"}


def test_a_scope_made_in_the_admin_is_whole_and_recorded(root: Client, person: Person, acme: Scope) -> None:
    ada = person("ada@example.com", acme)
    form = {"slug": "ads", "parent": acme.pk, "kind": "team", "practice": "finops_for_ai", "criticality": "standard",
            "labels": "{}", **inline(1), "ownerships-0-user": ada.pk, "ownerships-0-persona": "finance",
            "ownerships-0-decision_right": "approve_budget"}  # fmt: skip
    assert root.post("/admin/governance/scope/add/", form).status_code == 302
    made = Scope.objects.get(path="acme/ads")
    assert Ownership.objects.get(scope=made).user == ada
    recorded = DecisionRecord.objects.filter(scope=made).order_by("seq").values_list("action", "actor")
    assert list(recorded) == [("scope.create", "root@example.com"), ("ownership.change", "root@example.com")]
    organisation = {**form, "slug": "initech", "parent": "", "kind": "organisation", **inline()}
    assert root.post("/admin/governance/scope/add/", organisation).status_code == 302
    assert Scope.objects.get(path="initech/unattributed").is_unattributed


@pytest.mark.parametrize(
    "wrong", [{"slug": "No Slug"}, {"slug": "unattributed"}, {"parent": ""}, {"kind": "organisation"}]
)
def test_a_scope_that_makes_no_sense_is_a_form_error(root: Client, acme: Scope, wrong: dict[str, str]) -> None:
    form = {"slug": "ads", "parent": acme.pk, "kind": "team", "practice": "finops_for_ai", "criticality": "standard",
            "labels": "{}", **inline(), **wrong}  # fmt: skip
    assert root.post("/admin/governance/scope/add/", form).status_code == 200
    assert Scope.objects.count() == 2


def test_a_changed_scope_is_recorded_with_what_changed(root: Client, search: Scope) -> None:
    form = {
        "name": "Search",
        "kind": "product",
        "practice": "finops_for_ai",
        "criticality": "high",
        "labels": "{}",
        **inline(),
    }
    assert root.post(f"/admin/governance/scope/{search.pk}/change/", form).status_code == 302
    assert DecisionRecord.objects.order_by("-seq").first().evidence == {  # type: ignore[union-attr]
        "differences": ["name: '' → 'Search'", "kind: 'team' → 'product'", "criticality: 'standard' → 'high'"]
    }


def test_a_key_is_shown_once_and_its_digest_never(root: Client, search: Scope) -> None:
    form = {"scope": search.pk, "name": "ci", "permissions": ["usage:write"]}
    page = root.post("/admin/governance/apikey/add/", form, follow=True).content.decode()
    start = page.index("weir_")
    plaintext = page[start : start + 59]
    key = authenticate_key(plaintext, at=timezone.now())
    assert key is not None
    assert (key.name, key.created_by.email) == ("ci", "root@example.com")  # type: ignore[union-attr]
    for url in ("/admin/governance/apikey/", f"/admin/governance/apikey/{key.pk}/change/"):
        content = root.get(url).content.decode()
        assert plaintext not in content
        assert key.digest not in content
    revoke = {"action": "revoke", "_selected_action": [key.pk]}
    root.post("/admin/governance/apikey/", revoke)
    assert authenticate_key(plaintext, at=timezone.now()) is None


def test_only_who_may_makes_keys(search: Scope, person: Person) -> None:
    form = {"scope": search.pk, "name": "ci", "permissions": ["usage:write"]}
    for persona in ("engineering", "finance", "finops"):
        client = signed_in(person(f"{persona}@example.com", search, persona))
        assert client.post("/admin/governance/apikey/add/", form).status_code == 403
    platform = signed_in(person("pam@example.com", search, "platform"))
    assert platform.post("/admin/governance/apikey/add/", form).status_code == 302
    outside = {**form, "scope": Scope.objects.get(path="acme").pk}
    assert platform.post("/admin/governance/apikey/add/", outside).status_code == 200
    assert ApiKey.objects.count() == 1


def test_a_channels_secrets_go_in_and_never_come_out(root: Client, search: Scope) -> None:
    form = {"scope": search.pk, "kind": "slack", "name": "finops", "is_enabled": "on", "url": SLACK_URL}
    assert root.post("/admin/governance/channel/add/", form).status_code == 302
    channel = Channel.objects.get(name="finops")
    page = root.get(f"/admin/governance/channel/{channel.pk}/change/").content.decode()
    assert "hooks.slack.com/services" not in page
    assert root.post(f"/admin/governance/channel/{channel.pk}/change/", {"url": ""}).status_code == 302
    channel.refresh_from_db()
    assert (channel.is_enabled, channel_secrets(channel).url) == (False, SLACK_URL)
    wrong = {**form, "name": "other", "url": "https://evil.example/"}
    assert "cannot be used" in root.post("/admin/governance/channel/add/", wrong).content.decode()
    assert "already exists" in root.post("/admin/governance/channel/add/", form).content.decode()


def test_the_organisations_own_channel_has_nothing_to_set(root: Client, acme: Scope) -> None:
    channel = Channel.objects.get(name="owners")
    assert (
        root.post(f"/admin/governance/channel/{channel.pk}/change/", {"recipients": "eve@example.com"}).status_code
        == 403
    )


def test_a_dead_delivery_is_replayed_by_who_may(search: Scope, person: Person) -> None:
    channel = save_channel(scope=search, kind="slack", name="finops", url=SLACK_URL, actor=SYSTEM, at=AT)
    queue_delivery(channel=channel, dedup_key="a", message=message(), at=AT)
    lease = claim_due_delivery(at=AT)
    assert lease is not None
    settle_delivery(lease=lease, outcome=Refused("404 no_service"), at=AT)
    replay = {"action": "replay", "_selected_action": [lease.delivery.pk]}
    signed_in(person("fay@example.com", search, "finance")).post("/admin/governance/delivery/", replay)
    assert Delivery.objects.get().status == "dead"
    page = signed_in(person("pam@example.com", search, "platform")).get(
        "/admin/governance/delivery/?status__exact=dead"
    )
    assert "404 no_service" in page.content.decode()
    signed_in(User.objects.get(email="pam@example.com")).post("/admin/governance/delivery/", replay)
    assert Delivery.objects.get().status == "pending"


def test_records_show_whether_they_hold(root: Client, search: Scope) -> None:
    check = reverse("admin:governance_decisionrecord_check_chain")
    assert "records hold; head" in root.get(check, follow=True).content.decode()
    tamper("UPDATE governance_decisionrecord SET reason = 'x' WHERE seq = 1")
    assert "BROKEN at record 1" in root.get(check, follow=True).content.decode()

"""The admin of usage: every page opens, and no page shows or names another organisation."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from allocation.anomalies.models import Anomaly
from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.focus.models import FocusImport, FocusRow
from allocation.outcomes.documents import READ_OUTCOME
from allocation.outcomes.operations import record_outcomes
from allocation.prices.models import ExchangeRate
from allocation.sources.documents import UsageSourceDocument
from allocation.sources.operations import apply_usage_source
from allocation.usage.models import ImportRun, UsageRecord
from allocation.usage.operations import record_usage
from governance.messages.channels import Message
from governance.messages.operations import queue_delivery, save_channel
from governance.organisations.operations import create_api_key
from governance.people.models import User
from governance.scopes.models import Scope
from governance.unit_costs.operations import accept_unit_cost
from tests.allocation.admin_people import person, signed_in
from tests.allocation.attribution.test_rule_sets import apply_rules
from tests.allocation.conftest import SYSTEM, event, make_organisation
from tests.allocation.declared_documents import BOOK, RULES
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.sharing import furnish_sharing

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("admin of allocation")]

# Django has no other way to ask what is registered.
REGISTERED = [model for model in admin.site._registry if model._meta.app_label in {"allocation", "governance"}]


MODELS = sorted(REGISTERED, key=lambda model: model._meta.label)


NAMES = [model._meta.label_lower for model in MODELS]


def furnish(name: str) -> Scope:
    """An organisation with a row of every model of both apps."""
    root = make_organisation(name)
    team = Scope.objects.get(path=f"{name}/search")
    apply_book(BOOK.replace("organisation: acme", f"organisation: {name}").replace("name: ", f"name: {name}-"))
    apply_rules(RULES.replace("acme", name).replace("name: ", f"name: {name}-", 1))
    at = timezone.now()
    apply_usage_source(
        UsageSourceDocument.model_validate(
            {
                "apiVersion": "weir/v1", "kind": "UsageSource", "metadata": {"name": f"{name}-gateway"},
                "spec": {"organisation": name, "source": f"gateway of {name}", "identity": "id"},
            }
        ),
        actor=SYSTEM, at=at,
    )  # fmt: skip
    ExchangeRate.objects.create(
        organisation=root, from_currency="EUR", to_currency="USD", effective_from=at.date(), rate="1.1", source="ECB",
        recorded_at=at, recorded_by=f"fay of {name}",
    )  # fmt: skip
    recorded = [
        event(id=f"of {name}", scope=team.path, occurred_at=at, task_id=f"task of {name}"),
        event(scope=f"{name}/nowhere", occurred_at=at),
    ]
    record_usage(events=recorded, key_scope_id=root.pk, at=at)
    told = READ_OUTCOME(outcome_of(team.path, at))
    record_outcomes(events=[told], key_scope_id=root.pk, at=at)
    accept_unit_cost(
        scope=team,
        unit="inference",
        amount=Decimal(1),
        reason=f"of {name}",
        effective_from=at.date(),
        actor=SYSTEM,
        at=at,
    )
    ImportRun.objects.create(
        file_name=f"{name}.csv", file_digest="0" * 64, options_digest="0" * 64, size_bytes=1, source_format="native",
        scope=team, status="finished", started_at=at,
    )  # fmt: skip
    bill = FocusImport.objects.create(
        file_name=f"{name}-bill.csv", file_digest="0" * 64, size_bytes=1, file_format="csv", version="1.2", scope=team,
        columns=["BilledCost"], status="finished", started_at=at, started_by="weir",
    )  # fmt: skip
    FocusRow.objects.create(
        source=bill, row_number=1, organisation=root, scope=team, status="quarantined", cells=[f"cell of {name}"],
        digest="0" * 64, occurrence=1, code="not_a_number", field="BilledCost", message="No number.",
    )  # fmt: skip
    month = (at.replace(day=1) - timedelta(days=1)).date()
    close_period(organisation=root, month=month, reason=f"books of {name}", actor=SYSTEM, at=at)
    run = AdjustmentRun.objects.create(
        kind="rerate", organisation=root, since=at, until=at, reason=f"of {name}", made_at=at, made_by="weir"
    )
    Adjustment.objects.create(
        run=run, record_id=UsageRecord.objects.get(event_id=f"of {name}").pk, record_occurred_at=at, made_at=at,
        booked_at=at, scope=team, provider="openai", model=f"model of {name}", activity="inference",
    )  # fmt: skip
    Anomaly.objects.create(
        scope=team, provider="openai", model="gpt-4o", metric="cost", first_day=at.date(), last_day=at.date(),
        days_count=1, expected=10, observed=100, excess_cost=90, score=9, reason=f"of {name}", method="test",
        detected_at=at, status="open",
    )  # fmt: skip
    create_api_key(scope=team, permissions=["admin"], name=f"key of {name}", actor=SYSTEM, at=at)
    channel = save_channel(
        scope=team, kind="slack", name=f"chan-{name}", url="https://hooks.slack.com/services/T/B/s", actor=SYSTEM, at=at
    )
    news = Message(title=f"news of {name}", text="text", event_id="1", event_type="alert.opened")
    queue_delivery(channel=channel, dedup_key="a", message=news, at=at)
    person(f"fay@{name}.example", "finance", root)
    furnish_sharing(root, at)
    return root


def outcome_of(path: str, at: datetime) -> bytes:
    told = {"id": "1", "source": "desk", "occurred_at": at.isoformat(), "scope": path, "name": "sale", "success": True}
    return json.dumps(told).encode()


@pytest.fixture(scope="module")
def furnished(kept_rows: None) -> None:
    for name in ("acme", "globex"):
        furnish(name)


@pytest.fixture
def world(furnished: None, db: None) -> None:
    """Two organisations with a row of every model."""


def pages(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}"


def rows_of(model: type[Model], client: Client) -> list[Any]:
    """What the changelist shows to who asks."""
    return list(client.get(f"{pages(model)}/").context["cl"].result_list)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_every_list_and_detail_opens(world: None, model: type[Model]) -> None:
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    fay = signed_in(User.objects.get(email="fay@acme.example"))
    for client in (root, fay):
        rows = rows_of(model, client)
        assert rows
        for query in ("", "?q=x", "?q=a%00b", "?o=1", "?p=99999"):
            assert client.get(f"{pages(model)}/{query}").status_code in {200, 302}
        assert client.get(f"{pages(model)}/{rows[0].pk}/change/").status_code == 200
    assert len(rows_of(model, root)) > len(rows_of(model, fay))


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_another_organisation_is_neither_shown_nor_named(world: None, model: type[Model]) -> None:
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    fay = signed_in(User.objects.get(email="fay@acme.example"))
    assert "globex" not in fay.get(f"{pages(model)}/").content.decode()
    shown = {row.pk for row in rows_of(model, fay)}
    foreign = [row for row in rows_of(model, root) if row.pk not in shown]
    assert foreign
    for row in foreign:
        assert fay.get(f"{pages(model)}/{row.pk}/change/").status_code == 302


def test_every_model_of_both_apps_is_in_the_admin_or_left_out_on_purpose() -> None:
    inside_another = {
        "governance.ownership", "allocation.attributionrule", "allocation.sharedpool",
        "allocation.uncountedtelemetry",  # under Data gaps
        "governance.provideridentity",  # under the person
        "governance.slackaccount",  # on the page of the person's own accounts
    }  # fmt: skip
    machinery = {
        "governance.scopetreeversion", "governance.idempotencyrecord", "governance.dirtyscope", "governance.heartbeat",
        "governance.cacheentry", "governance.signintries",  # for 15 minutes; who was stopped is in the chain
        "governance.sealingkey",  # a digest: told of by /readyz and the doctor
        "allocation.cataloguesnapshot", "allocation.droppedmonth",
        "allocation.usagechargemonth", "allocation.usagecallmonth", "allocation.summedmonth",  # sums of charge lines
        "allocation.importedrecord", "allocation.importedrefusal", "allocation.tracedspan", "allocation.usageidentity",
        "allocation.usagejournal",  # usage on its way, for less than a second
    }  # fmt: skip
    models = [model for app in ("governance", "allocation") for model in apps.get_app_config(app).get_models()]
    every = {model._meta.label_lower for model in models} - machinery
    assert every - inside_another == set(NAMES)

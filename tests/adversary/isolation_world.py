"""Two organisations with a row of every model at every place, for the tests of who sees what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import AutoField
from django.test import Client
from django.utils import timezone

from allocation.anomalies.models import Anomaly
from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.focus.models import FocusImport, FocusRow
from allocation.outcomes.documents import READ_OUTCOME
from allocation.outcomes.operations import record_outcomes
from allocation.prices.models import ExchangeRate, PriceBook
from allocation.quarantine.models import QuarantinedUsage
from allocation.shared_cost.operations import record_metrics
from allocation.sources.documents import UsageSourceDocument
from allocation.sources.operations import apply_usage_source
from allocation.usage.models import ImportRun, UncountedTelemetry, UsageRecord
from allocation.usage.operations import record_usage
from budgets.approval_rules.models import ApprovalRules
from budgets.approvals.models import EndProposal, GrantProposal
from budgets.approvals.operations import approve_budget, create_budget, grant_more, submit_budget
from budgets.reservations.operations import Terms, hold
from governance.calendar.engine import DAY
from governance.messages.channels import Message
from governance.messages.operations import queue_delivery, save_channel
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import Ownership, Persona, User
from governance.people.rules import DEFAULT_RIGHTS, Actor
from governance.scopes.models import Scope
from governance.sign_in.operations.sessions import note_session
from governance.unit_costs.operations import accept_unit_cost
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.models import DataGap
from policies.evaluation.operations import evaluate_next_dirty_scopes
from policies.guardrails.models import GuardrailVersion
from policies.guardrails.operations import apply_guardrail_policy
from tests.allocation.attribution.test_rule_sets import apply_rules
from tests.allocation.conftest import event
from tests.allocation.declared_documents import BOOK, RULES
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.sharing import furnish_sharing
from tests.database_owner import as_owner
from tests.meta.test_authorisation import emergency_of, requests_of
from tests.policies.conftest import MONTHLY_BUDGET, policy

AT = datetime(2026, 11, 24, 12, 30, 30, tzinfo=UTC)
SYSTEM = Actor.system()
OURS, OTHERS = "acme", "globex"
# The places seen from the team that asks, and what stands in every text that is written there.
PLACES = {
    "own": ("acme/search", "ourwords"),
    "sibling": ("acme/ads", "siblingwords"),
    "parent": ("acme", "parentwords"),
    "other": ("globex/search", "strangewords"),
}
NOWHERE = "acme/nobody"


@dataclass
class World:
    """`rows` by place and by what a path of the API names; `people` by persona and by the scope they hold it on."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: dict[tuple[str, str], User] = field(default_factory=dict)


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def own_person(email: str, scope: Scope, persona: str) -> User:
    """Somebody who holds the persona with all decision rights that come with it; and that to grant in an emergency,
    which comes with none, with engineering.
    """
    user = User.objects.create_user(email, "a long password", is_staff=True)
    more = ("grant_in_emergency",) if persona == "engineering" else ()
    for right in (*DEFAULT_RIGHTS[persona], *more):
        Ownership.objects.create(scope=scope, user=user, persona=persona, decision_right=right)
    return user


def begin() -> World:
    """Our organisation, its documents, and what is the asking team's own."""
    _number_from(7_000_000)
    world = World()
    root = _organisation(OURS)
    apply_guardrail_policy(policy(MONTHLY_BUDGET.replace("LEVEL", "hard_mandatory")), actor=SYSTEM, at=AT)
    for persona in Persona.values:
        for path in ("acme/search", "acme"):
            scope = Scope.objects.get(path=path)
            world.people[persona, path] = own_person(f"{persona}@{path.replace('/', '.')}.example", scope, persona)
    world.rows["parent"] = _documents(root, "parentwords")
    # The books come first: what is spent at a place comes out of what the organisation has.
    for unit in ("money", "gpu_hours"):
        budget(root, f"wholewords-{unit}", 100_000, unit=unit)
    world.rows["own"] = fill("own")
    evaluate()
    return world


def _number_from(first: int) -> None:
    """Rows get numbers that are found in an answer for no other reason."""
    with as_owner(), connection.cursor() as cursor:
        for number, model in enumerate(apps.get_models()):
            pk = model._meta.pk
            if isinstance(pk, AutoField):
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s)",
                    [model._meta.db_table, pk.column, first + number * 10_000],
                )


def go_on(world: World) -> None:
    """Then the same at every other place."""
    fill_beside(world)
    fill_elsewhere(world)


def fill_beside(world: World) -> None:
    """In the rest of the organisation."""
    world.rows["sibling"] = fill("sibling")
    world.rows["parent"] |= fill("parent")
    evaluate()


def fill_elsewhere(world: World) -> None:
    """In another organisation."""
    other = _organisation(OTHERS)
    documents = _documents(other, "strangewords")
    budget(other, "strangewords-whole", 100_000)
    world.rows["other"] = documents | fill("other")
    evaluate()


def evaluate() -> None:
    while evaluate_next_dirty_scopes(at=AT):
        pass


def _organisation(name: str) -> Scope:
    root = create_scope(slug=name, kind="organisation", actor=SYSTEM, at=AT)
    for slug in ("search", "ads"):
        team = create_scope(slug=slug, kind="team", parent=root, actor=SYSTEM, at=AT)
        create_scope(slug="ranker", kind="workload", parent=team, actor=SYSTEM, at=AT)
    return root


def _documents(root: Scope, words: str) -> dict[str, Any]:
    """What belongs to an organisation as a whole."""
    name = root.path
    apply_book(BOOK.replace("organisation: acme", f"organisation: {name}").replace("name: ", f"name: {words}-"))
    apply_rules(RULES.replace("acme", name).replace("name: ", f"name: {words}-", 1))
    apply_usage_source(
        UsageSourceDocument.model_validate(
            {
                "apiVersion": "weir/v1", "kind": "UsageSource", "metadata": {"name": f"{words}-gateway"},
                "spec": {"organisation": name, "source": f"gateway of {words}", "identity": "id"},
            }
        ),
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    ExchangeRate.objects.create(
        organisation=root, from_currency="EUR", to_currency="USD", effective_from=AT.date(), rate="1.1", source="ECB",
        recorded_at=AT, recorded_by=f"fay of {words}",
    )  # fmt: skip
    # Of former days, so that requests are decided here as where an organisation has no rules.
    ApprovalRules.objects.create(
        organisation=root, name=f"{words}-approvals", version=1, digest="0" * 64, document={"organisation": name},
        is_current=False, applied_at=AT, applied_by=f"fay of {words}",
    )  # fmt: skip
    close_period(organisation=root, month=date(2026, 9, 1), reason=words, actor=SYSTEM, at=AT)
    DataGap.objects.create(organisation=root, cause="no_data", scopes_count=1, reason=words, opened_at=AT)
    run = furnish_sharing(root, AT)
    return {
        "run": run.pk,
        "price_book": PriceBook.objects.filter(organisation=root).latest("pk").pk,
        "rules": f"{words}-{name}",
    }


def reservation(scope: Scope, *, kind: str = "hold") -> UUID:
    """Open now, by the clock that requests go by."""
    terms = Terms(kind=kind, unit="gpu_hours", amount=Decimal(2), expires_in=timedelta(hours=1), task_id=scope.path)
    return hold(scope=scope, terms=terms, actor=SYSTEM, at=timezone.now())[0].pk


def budget(scope: Scope, words: str, amount: int, *, until: str = "approved", unit: str = "money") -> int:
    """A budget, as far as it has come."""
    author, decider = _actors(scope)
    made = create_budget(scope=scope, amount=Decimal(amount), unit=unit, name=words, actor=author, at=AT)
    if until != "draft":
        submit_budget(budget_id=made.pk, actor=author, at=AT)
    if until == "approved":
        approve_budget(budget_id=made.pk, actor=decider, reason=words, at=AT)
    return made.pk


def _actors(scope: Scope) -> tuple[Actor, Actor]:
    """Of the organisation, so that nobody of a place is in what is written at another."""
    root = Scope.objects.get(path=scope.path.split("/")[0])
    found = []
    for name, persona in (("author", "engineering"), ("decider", "finance")):
        email = f"{name}@{root.path}.example"
        user = User.objects.filter(email=email).first() or own_person(email, root, persona)
        found.append(Actor.of_user(user))
    return found[0], found[1]


def fill(place: str) -> dict[str, Any]:
    """A row of every model that belongs to a scope; the ids of those that paths of the API name."""
    path, words = PLACES[place]
    scope, root = Scope.objects.get(path=path), Scope.objects.get(path=path.split("/")[0])
    record_usage(
        events=[
            event(
                id=f"call of {words}", source=f"gateway {words}", scope=path, occurred_at=AT, task_id=f"task {words}",
                model=f"model-{words}", cost=Decimal(1), tokens={"input": 10},
            ),
            event(id=f"lost {words}", source=f"gateway {words}", scope=f"{path}/nowhere-{words}", occurred_at=AT),
        ],
        key_scope_id=scope.pk, at=AT,
    )  # fmt: skip
    told = {
        "id": words, "source": f"desk {words}", "occurred_at": AT.isoformat(), "scope": path, "name": words[:20],
        "success": True,
    }  # fmt: skip
    record_outcomes(events=[READ_OUTCOME(json.dumps(told).encode())], key_scope_id=scope.pk, at=AT)
    value = {"id": words, "source": f"hr {words}", "metric": "seats", "scope": path, "on": "2026-11-24", "value": 1}
    record_metrics(values=[value], authority=scope, at=AT)
    accept_unit_cost(
        scope=scope, unit="inference", amount=Decimal(1), reason=words, effective_from=AT.date(), actor=SYSTEM, at=AT
    )
    UncountedTelemetry.objects.create(
        authority=scope, signal="traces", emitter=words, reason="no_model_call", items_count=1, requests_count=1,
        first_received_at=AT, last_received_at=AT,
    )  # fmt: skip
    key = create_api_key(scope=scope, permissions=["admin"], name=f"key {words}", actor=SYSTEM, at=AT)[0]
    channel = save_channel(
        scope=scope, kind="slack", name=f"chan-{words}", url="https://hooks.slack.com/services/T/B/s", actor=SYSTEM,
        at=AT,
    )  # fmt: skip
    news = Message(title=f"news {words}", text="text", event_id="1", event_type="alert.opened")
    queue_delivery(channel=channel, dedup_key=words, message=news, at=AT)
    owner = own_person(f"owner@{words}.example", scope, "engineering")
    note_session(session_key=words, user=owner, began_at=AT, address="192.0.2.1", user_agent=words, at=AT)
    rows = _bills(scope, root, words) | _budgets(scope, words) | {"scope": path, "key": key.pk}
    evaluate()
    rows["alert"], rows["constraint"] = _raised(scope, words)
    rows["quarantined"] = QuarantinedUsage.objects.get(authority=scope).pk
    return rows


def _budgets(scope: Scope, words: str) -> dict[str, Any]:
    whole = scope.parent_id is None
    roomy = budget(scope, f"{words}-roomy", 1000, unit="requests" if whole else "gpu_hours")
    asked = grant_more(budget_id=roomy, amount=Decimal(5000), actor=_actors(scope)[1], reason=words, at=AT)
    assert isinstance(asked, GrantProposal)
    urgent: dict[str, Any] = {}
    approved = budget(scope, words, 100) if not whole else budget(scope, words, 100, unit="tokens")
    EndProposal.objects.create(
        budget_id=approved, reason=words, proposed_by=_actors(scope)[1].user, proposed_at=AT, expires_at=AT + DAY
    )
    if not whole:
        root = Scope.objects.get(path=scope.path.split("/")[0])
        by = User.objects.filter(email=f"urgent@{root.path}.example").first()
        by = by or own_person(f"urgent@{root.path}.example", root, "engineering")
        urgent["emergency"] = emergency_of(scope, Actor.of_user(by), words=words)
    return {
        **urgent,
        **requests_of(scope, *_actors(scope), words=words),
        "approved": approved,
        "roomy": roomy,
        "ending": approved,
        "reservation": str(reservation(scope)),
        "lease": str(reservation(scope, kind="lease")),
        "submitted": budget(scope, f"{words}-asked", 10, until="submitted", unit="requests"),
        "draft": budget(scope, f"{words}-draft", 10, until="draft", unit="gpu_hours"),
    }


def _bills(scope: Scope, root: Scope, words: str) -> dict[str, Any]:
    imported = ImportRun.objects.create(
        file_name=f"{words}.csv", file_digest="0" * 64, options_digest="0" * 64, size_bytes=1, source_format="native",
        scope=scope, status="finished", started_at=AT,
    )  # fmt: skip
    bill = FocusImport.objects.create(
        file_name=f"{words}-bill.csv", file_digest="0" * 64, size_bytes=1, file_format="csv", version="1.2",
        scope=scope, columns=["BilledCost"], status="finished", started_at=AT, started_by="weir",
    )  # fmt: skip
    FocusRow.objects.create(
        source=bill, row_number=1, organisation=root, scope=scope, status="quarantined", cells=[words],
        digest="0" * 64, occurrence=1, code="not_a_number", field="BilledCost", message="No number.",
    )  # fmt: skip
    run = AdjustmentRun.objects.create(
        kind="rerate", organisation=root, since=AT, until=AT, reason=words, made_at=AT, made_by="weir"
    )
    Adjustment.objects.create(
        run=run, record_id=UsageRecord.objects.get(event_id=f"call of {words}").pk, record_occurred_at=AT, made_at=AT,
        booked_at=AT, scope=scope, provider="openai", model=f"model-{words}", activity="inference",
    )  # fmt: skip
    anomaly = Anomaly.objects.create(
        scope=scope, provider="openai", model=f"model-{words}", metric="cost", first_day=AT.date(), last_day=AT.date(),
        days_count=1, expected=10, observed=100, excess_cost=90, score=9, reason=words, method="test", detected_at=AT,
        status="open",
    )  # fmt: skip
    return {"usage_import": imported.pk, "focus_import": bill.pk, "anomaly": anomaly.pk}


def _raised(scope: Scope, words: str) -> tuple[int, int]:
    """An alert and a constraint that somebody may act on."""
    told: dict[str, Any] = {
        "scope": scope, "guardrail": f"rail-{words}", "version": GuardrailVersion.objects.latest("pk"), "step": "block",
        "reason": words,
    }  # fmt: skip
    alert = Alert.objects.create(
        **told, level="hard_mandatory", period_start=AT - DAY, period_end=AT + DAY, status="firing", severity="high",
        opened_at=AT,
    )  # fmt: skip
    constraint = Constraint.objects.create(**told, alert=alert, owner=words, starts_at=AT, expires_at=AT + DAY)
    return alert.pk, constraint.pk

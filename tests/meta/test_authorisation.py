"""Every route × who asks: nobody, a key that lacks the permission, another organisation, and one who may.

A route that is not in the matrix fails here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pydantic import TypeAdapter

from allocation.anomalies.models import Anomaly
from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.focus.importers.importing import FocusImportRequest, import_focus_file
from allocation.focus.models import FocusImport
from allocation.meters.documents import EVENT
from allocation.outcomes.documents import READ_OUTCOME
from allocation.outcomes.models import Outcome
from allocation.outcomes.operations import record_outcomes
from allocation.prices.models import ExchangeRate, Price, PriceBook
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.files import ImportRequest, import_file
from allocation.usage.models import ImportRun, UsageRecord
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget, create_budget, end_budget, grant_more, submit_budget
from budgets.forecasts.models import Forecast
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import Case as Wish
from budgets.requests.operations import ask_about_request, grant_in_emergency, request_digest, request_more
from budgets.requests.queries import budgets_raised
from budgets.reservations.operations import Terms, hold
from governance.calendar.engine import DAY
from governance.documents import load_documents
from governance.organisations.operations import create_api_key, create_scope, revoke_api_key
from governance.people.models import ApiKey, KeyPermission, Ownership, User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.unit_costs.models import UnitCostTarget
from governance.unit_costs.operations import accept_unit_cost
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.operations import evaluate_next_dirty_scopes
from policies.guardrails.documents import parse_guardrail
from policies.guardrails.operations import apply_guardrail_policy
from tests.allocation.conftest import document
from tests.allocation.sharing import furnish_sharing

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("authorisation")]

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SYSTEM = Actor.system()
EVERY_PERMISSION = tuple(permission for permission in KeyPermission.values if permission != KeyPermission.ADMIN)

GUARDRAIL = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: monthly-budget, owner: finops@example.com}
spec:
  match: {kinds: [team]}
  facts: {used: {fact: budget.used}, amount: {fact: budget.amount}}
  steps:
    - name: block
      when: used >= amount
      actions: [{block: {message: The approved budget is used up.}}]
  enforcement: {level: hard_mandatory}
"""
USAGE = {
    "id": "1", "source": "matrix", "occurred_at": "2026-11-24T11:00:00Z", "scope": "acme/search", "provider": "openai",
    "model": "gpt-4o", "tokens": {"input": 10}, "cost": "101", "task_id": "t1",
}  # fmt: skip
PAYLOAD = {
    "litellm_call_id": "1", "startTime": AT.timestamp() - 60, "model": "gpt-4o", "custom_llm_provider": "openai",
    "status": "success", "prompt_tokens": 10, "metadata": {},
}  # fmt: skip
NANOSECONDS = int(AT.timestamp() - 60) * 10**9
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
SPAN = {
    "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "startTimeUnixNano": str(NANOSECONDS),
    "attributes": [{"key": name, "value": {"stringValue": value}} for name, value in CALL.items()],
}  # fmt: skip
TRACES = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}
LOGS = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": SPAN["startTimeUnixNano"]}]}]}]}
RERATE = {
    "organisation": "acme", "since": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "reason": "As agreed.",
}  # fmt: skip
CLOSING = {"organisation": "acme", "month": "2026-10", "reason": "As agreed."}
METRIC = {"id": "2", "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-11-24", "value": 1}
RULES = {
    "apiVersion": "weir/v1", "kind": "AttributionRules", "metadata": {"name": "acme-rules"},
    "spec": {"organisation": "acme", "keys": [{"key_alias": "ranker", "scope": "acme/search"}]},
}  # fmt: skip
OUTCOME = {
    "id": "2", "source": "matrix", "occurred_at": "2026-11-24T11:00:00Z", "scope": "acme/search",
    "name": "ticket_resolved", "success": True,
}  # fmt: skip
TARGET = {"scope": "acme/search", "unit": "inference", "amount": "0.01", "reason": "As planned."}
REASON = {"reason": "As agreed."}
TEXT = {"text": "As agreed."}
# In a body, for that of the row which the path names.
DIGEST = "d" * 64


@dataclass(frozen=True)
class Case:
    """`of` is the row that the path names. `by` is who may: a key with `needs`, or a person, whom no key stands in
    for. `foreign` is what another organisation gets: `hidden` 404, `apart` its own rows and none of ours, `refused`
    200 with nothing taken, `shared` what the whole installation shares.
    """

    needs: tuple[str, ...]
    foreign: str = "hidden"
    of: str = ""
    body: Any = None
    by: str = "key"
    ok: int = 200
    query: str = ""


def reads(permission: str, of: str = "", query: str = "") -> Case:
    return Case((permission,), foreign="hidden" if of else "apart", of=of, query=query)


def decides(of: str, body: object, by: str) -> Case:
    return Case(("budgets:write",), of=of, body=body, by=by)


MATRIX = {
    "GET /scopes": reads("scopes:read"),
    "GET /scopes/{path}": reads("scopes:read", of="search"),
    "POST /usage": Case(("usage:write",), foreign="refused", body=[{**USAGE, "id": "2"}]),
    "GET /usage": reads("usage:read"),
    "POST /usage/litellm": Case(("usage:write",), foreign="apart", body=[PAYLOAD]),
    "POST /otlp/v1/traces": Case(("usage:write",), foreign="apart", body=TRACES),
    "POST /otlp/v1/logs": Case(("usage:write",), foreign="apart", body=LOGS),
    "POST /otlp/v1/metrics": Case(("usage:write",), foreign="apart", body={"resourceMetrics": []}),
    "GET /usage/summary": reads("usage:read", query="?group_by=scope"),
    "GET /charges": reads("usage:read"),
    "GET /adjustments": reads("usage:read"),
    "GET /adjustment-runs": reads("usage:read"),
    "POST /adjustment-runs": Case(("usage:write",), body=RERATE, by="finops"),
    "GET /billing-periods": reads("usage:read"),
    "POST /billing-periods": Case(("budgets:write",), body=CLOSING, by="finance", ok=201),
    "POST /attribution/reapply": Case(
        ("usage:write",),
        body={"organisation": "acme", "since": "2026-11-01", "until": "2026-12-01", **REASON},
        by="finops",
    ),
    "GET /quarantine": reads("usage:read"),
    "POST /quarantine/{record_id}/replay": Case(("usage:write",), of="quarantined", body={}, by="finops"),
    "POST /quarantine/{record_id}/correct": Case(
        ("usage:write",), of="quarantined", body={**REASON, "changes": {"scope": "acme/ads"}}, by="finops"
    ),
    "POST /quarantine/{record_id}/set-aside": Case(("usage:write",), of="quarantined", body=REASON, by="finops"),
    "GET /focus/export": Case(("usage:read",), query="?organisation=acme&period=2026-11"),
    "GET /focus/imports": reads("usage:read"),
    "GET /focus/imports/{import_id}": reads("usage:read", of="focus_import"),
    "POST /focus/imports/{import_id}/withdrawal": Case(("usage:write",), of="focus_import", body=REASON, by="finops"),
    "GET /focus/imports/{import_id}/rows": reads("usage:read", of="focus_import"),
    "GET /focus/imports/{import_id}/export": reads("usage:read", of="focus_import"),
    "GET /usage/imports": reads("usage:read"),
    "GET /usage/imports/{import_id}": reads("usage:read", of="usage_import"),
    "POST /usage/imports/{import_id}/withdrawal": Case(("usage:write",), of="usage_import", body=REASON, by="finops"),
    "GET /shared-cost": Case(("usage:read",), query="?scope=acme/search"),
    "GET /shared-cost-splits": reads("usage:read"),
    "GET /allocation-runs": reads("usage:read"),
    "POST /allocation-runs": Case(("usage:write",), body={"organisation": "acme", "month": "2026-11"}),
    "GET /allocation-runs/{run_id}": reads("usage:read", of="run"),
    "GET /allocated-charges": reads("usage:read"),
    "GET /commitments": reads("usage:read"),
    "POST /allocation-metrics": Case(("usage:write",), foreign="refused", body=[METRIC]),
    "GET /allocation-metrics": reads("usage:read"),
    "GET /attribution/rules": reads("usage:read"),
    "GET /attribution/rules/{name}": reads("usage:read", of="rules"),
    "GET /attribution/keys": reads("usage:read"),
    "GET /attribution/coverage": reads("usage:read"),
    "POST /attribution/preview": Case(("usage:read",), body={"organisation": "acme"}),
    "GET /prices": reads("usage:read"),
    "GET /prices/coverage": reads("usage:read"),
    "GET /price-books": reads("usage:read"),
    "GET /price-books/{book_id}": reads("usage:read", of="price_book"),
    "GET /exchange-rates": reads("usage:read"),
    "GET /movement": Case(
        ("usage:read",),
        foreign="hidden",
        query="?scope=acme/search&from=2026-11-01&to=2026-12-01",
    ),
    "GET /movement/scopes": reads("usage:read", query="?from=2026-11-01&to=2026-12-01"),
    "GET /anomalies": reads("alerts:read"),
    "GET /anomalies/kpis": reads("alerts:read"),
    "POST /anomalies/{anomaly_id}/feedback": Case(
        ("alerts:write",), of="anomaly", body={**REASON, "feedback": "planned"}
    ),
    "POST /outcomes": Case(("usage:write",), foreign="refused", body=[OUTCOME]),
    "GET /outcomes": reads("usage:read"),
    "GET /tasks": reads("usage:read"),
    "GET /unit-economics": Case(("usage:read",), query="?scope=acme/search"),
    "GET /unit-cost-targets": reads("usage:read"),
    "POST /unit-cost-targets": Case(("budgets:write",), body=TARGET, by="finance", ok=201),
    "GET /budgets": reads("budgets:read"),
    "GET /forecasts": reads("budgets:read"),
    "GET /scenarios": Case(("usage:read",), foreign="hidden", query="?scope=acme/search&prices=30"),
    "POST /budgets": Case(("budgets:write",), body={"scope": "acme/ads", "amount": "5", "unit": "tokens"}, ok=201),
    "GET /budgets/{budget_id}": reads("budgets:read", of="approved"),
    "GET /budgets/{budget_id}/ledger": reads("budgets:read", of="approved"),
    "POST /budgets/{budget_id}/submit": Case(("budgets:write",), of="draft"),
    "POST /budgets/{budget_id}/withdraw": Case(("budgets:write",), of="submitted", body=REASON),
    "POST /budgets/{budget_id}/approve": decides("submitted", REASON, by="finance"),
    "POST /budgets/{budget_id}/reject": decides("submitted", REASON, by="finance"),
    "POST /budgets/{budget_id}/grant": decides("approved", {**REASON, "amount": "5"}, by="finance"),
    "POST /budgets/{budget_id}/grant/approve": decides("roomy", REASON, by="finance"),
    "POST /budgets/{budget_id}/grant/reject": decides("roomy", REASON, by="finance"),
    "POST /budgets/{budget_id}/grant/withdraw": decides("roomy", REASON, by="finance"),
    "POST /budgets/{budget_id}/give-back": decides("roomy", {**REASON, "amount": "5"}, by="finance"),
    "POST /budgets/{budget_id}/end": decides("approved", REASON, by="finance"),
    "POST /budgets/{budget_id}/end/withdraw": decides("ending", REASON, by="finance"),
    "GET /my/limits": reads("budgets:read", query="?unit=money"),
    "GET /quota-requests": reads("budgets:read"),
    "POST /quota-requests": Case(
        ("budgets:write",), body={"scope": "acme/search", "amount": "5", "justification": "As agreed."}, ok=201
    ),
    "POST /quota-requests/emergency": Case(
        ("budgets:write",), body={"scope": "acme/search", "amount": "1", **REASON}, by="urgent", ok=201
    ),
    "GET /quota-requests/{request_id}": reads("budgets:read", of="wished"),
    "PATCH /quota-requests/{request_id}": Case(("budgets:write",), of="wish_drafted", body={"amount": "6"}),
    "GET /quota-requests/{request_id}/facts": reads("budgets:read", of="wished"),
    "POST /quota-requests/{request_id}/submit": Case(("budgets:write",), of="wish_drafted"),
    "POST /quota-requests/{request_id}/ask": decides("wished", TEXT, by="finance"),
    "POST /quota-requests/{request_id}/answer": Case(("budgets:write",), of="wish_questioned", body=TEXT),
    "POST /quota-requests/{request_id}/approve": decides("wished", {**REASON, "expected_digest": DIGEST}, by="finance"),
    "POST /quota-requests/{request_id}/reject": decides("wished", REASON, by="finance"),
    "POST /quota-requests/{request_id}/withdraw": Case(("budgets:write",), of="wished", body=REASON),
    "POST /quota-requests/{request_id}/confirm": decides("emergency", REASON, by="finance"),
    "POST /quota-requests/{request_id}/dispute": decides("emergency", REASON, by="finance"),
    "GET /reservations": reads("budgets:read"),
    "POST /reservations": Case(
        ("reservations:write",), body={"scope": "acme/search", "amount": "1", "unit": "gpu_hours"}, ok=201
    ),
    "GET /reservations/{reservation_id}": reads("budgets:read", of="reservation"),
    "POST /reservations/{reservation_id}/settle": Case(("reservations:write",), of="reservation", body={"amount": "1"}),
    "POST /reservations/{reservation_id}/extend": Case(
        ("reservations:write",), of="reservation", body={"expires_in": 60}
    ),
    "POST /reservations/{reservation_id}/release": Case(("reservations:write",), of="reservation"),
    "GET /leases": reads("budgets:read"),
    "POST /leases": Case(
        ("reservations:write",), body={"scope": "acme/search", "amount": "1", "unit": "gpu_hours"}, ok=201
    ),
    "GET /leases/{lease_id}": reads("budgets:read", of="lease"),
    "POST /leases/{lease_id}/renew": Case(("reservations:write",), of="lease", body={"drawn": "1"}),
    "POST /leases/{lease_id}/return": Case(("reservations:write",), of="lease", body={"drawn": "1"}),
    "POST /decisions": Case(("decisions:read",), body={"scope": "acme/search", "model": "gpt-4o"}),
    "POST /decisions/check": Case(("decisions:read",), foreign="apart", body={}),
    "POST /decisions/check/{below}": Case(("decisions:read",), foreign="apart", body={}),
    "GET /alerts": reads("alerts:read"),
    "GET /alerts/{pk}": reads("alerts:read", of="alert"),
    "POST /alerts/{alert_id}/acknowledge": Case(("alerts:write",), of="alert", body=REASON),
    "GET /constraints": reads("constraints:read"),
    "GET /constraints/{pk}": reads("constraints:read", of="constraint"),
    "POST /constraints/{constraint_id}/release": Case(
        ("constraints:read",), of="constraint", body=REASON, by="platform"
    ),
    "GET /guardrails": Case(("guardrails:read",), foreign="shared"),
    "GET /guardrails/{name}": Case(("guardrails:read",), foreign="shared", of="guardrail"),
    "GET /guardrails/{name}/versions": Case(("guardrails:read",), foreign="shared", of="guardrail"),
}


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, str]]:
    """(method, path below /api/v1 with {names})"""
    for pattern in patterns:
        path = before + re.sub(r"\^|\$|\\Z", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif path.startswith("api/v1/"):
            named = re.sub(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda found: f"{{{found[1] or found[2]}}}", path)
            for method in methods(pattern.callback):
                yield method.upper(), named.removeprefix("api/v1")


def methods(view: Any) -> list[str]:
    if hasattr(view, "actions"):
        return [method for method in view.actions if method != "head"]
    return [method for method in ("get", "post", "put", "patch", "delete") if hasattr(view.cls, method)]


ROUTES = sorted(set(routes(get_resolver().url_patterns)))
NAMES = [f"{method} {path}" for method, path in ROUTES]


def test_the_matrix_holds_every_route_and_no_other() -> None:
    assert sorted(MATRIX) == sorted(NAMES)


def test_every_permission_opens_something_or_is_named_here() -> None:
    opens_nothing_alone = {"guardrails:write"}
    assert {permission for case in MATRIX.values() for permission in case.needs} == (
        set(EVERY_PERMISSION) - opens_nothing_alone
    )


@dataclass(frozen=True)
class World:
    ids: dict[str, Any]
    people: dict[str, User]


def person(email: str, scope: Scope, persona: str, right: str) -> User:
    user = User.objects.create_user(email, "a long password")
    Ownership.objects.create(scope=scope, user=user, persona=persona, decision_right=right)
    return user


def reservation(scope: Scope, *, kind: str = "hold") -> UUID:
    """Open now, by the clock that requests go by."""
    terms = Terms(kind=kind, unit="gpu_hours", amount=Decimal(2), expires_in=timedelta(hours=1))
    return hold(scope=scope, terms=terms, actor=SYSTEM, at=timezone.now())[0].pk


def budget(scope: Scope, amount: int, author: Actor, *, by: Actor | None = None, submitted: bool = True) -> Budget:
    made = create_budget(scope=scope, amount=Decimal(amount), actor=author, at=AT)
    if submitted:
        submit_budget(budget_id=made.pk, actor=author, at=AT)
    if by is not None:
        approve_budget(budget_id=made.pk, actor=by, reason="Agreed.", at=AT)
    return made


def focus_import(scope: Scope, folder: Path) -> FocusImport:
    path = folder / "bill.csv"
    path.write_text(
        "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargePeriodStart,EffectiveCost\n"
        "1,acme-1,USD,Tax,2026-11-01T00:00:00Z,1\n"
    )
    return import_focus_file(FocusImportRequest(path=path, scope=scope), now=lambda: AT)


def usage_import(scope: Scope, folder: Path) -> ImportRun:
    path = folder / "calls.jsonl"
    path.write_text(json.dumps(document(occurred_at="2026-11-01T00:00:00Z")))
    return import_file(ImportRequest(path=path, source_format="native", scope_id=scope.pk), now=lambda: AT)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def world(made: World, db: None) -> World:
    return made


@pytest.fixture(scope="module")
def made(kept_rows: None, tmp_path_factory: pytest.TempPathFactory) -> World:
    with time_machine.travel(AT, tick=False):
        return made_in(tmp_path_factory.mktemp("bill"))


def made_in(folder: Path) -> World:
    """All that a route can name, in acme; next to it globex, whose people hold every right there."""
    acme, globex = (create_scope(slug=slug, kind="organisation", actor=SYSTEM, at=AT) for slug in ("acme", "globex"))
    teams = {slug: create_scope(slug=slug, kind="team", parent=acme, actor=SYSTEM, at=AT) for slug in ("search", "ads")}
    ranker = create_scope(slug="ranker", kind="workload", parent=teams["search"], actor=SYSTEM, at=AT)
    people = {
        "author": person("ada@acme.example", acme, "engineering", ""),
        "finance": person("fay@acme.example", acme, "finance", "approve_budget"),
        "second": person("zoe@acme.example", acme, "finance", "approve_budget"),
        "finops": person("flo@acme.example", acme, "finops", "set_unit_cost"),
        "platform": person("pam@acme.example", acme, "platform", "constrain_demand"),
        "urgent": person("ona@acme.example", acme, "engineering", "grant_in_emergency"),
        "foreign": person("eve@globex.example", globex, "finance", "approve_budget"),
    }
    Ownership.objects.create(
        scope=globex, user=people["foreign"], persona="platform", decision_right="constrain_demand"
    )
    Ownership.objects.create(scope=acme, user=people["finance"], persona="finance", decision_right="set_unit_cost")
    author, finance = (Actor.of_user(people[name]) for name in ("author", "finance"))
    roomy = budget(acme, 1000, author, by=finance)
    second = Actor.of_user(people["second"])
    grant_more(budget_id=roomy.pk, amount=Decimal(9), actor=second, reason="As agreed.", at=AT)
    end_budget(budget_id=roomy.pk, actor=second, reason="As agreed.", at=AT)
    approved = budget(teams["search"], 100, author, by=finance)
    apply_guardrail_policy(parse_guardrail(load_documents(GUARDRAIL, source="matrix")[0]), actor=SYSTEM, at=AT)
    apply_attribution_rules(TypeAdapter(AttributionRulesDocument).validate_python(RULES), actor=SYSTEM, at=AT)
    events = [EVENT.validate_json(json.dumps({**USAGE, "scope": path})) for path in ("acme/search", "acme/nowhere")]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    close_period(organisation=acme, month=date(2026, 9, 1), reason="As agreed.", actor=SYSTEM, at=AT)
    run = AdjustmentRun.objects.create(
        kind="rerate", organisation=acme, since=AT, until=AT, reason="As agreed.", made_at=AT, made_by="weir"
    )
    Adjustment.objects.create(
        run=run, record_id=UsageRecord.objects.get().pk, record_occurred_at=AT, made_at=AT, booked_at=AT,
        scope=teams["search"], provider="openai", model="gpt-4o", activity="inference",
    )  # fmt: skip
    record_outcomes(events=[READ_OUTCOME(json.dumps({**OUTCOME, "id": "1"}).encode())], key_scope_id=acme.pk, at=AT)
    accept_unit_cost(
        scope=teams["search"], unit="action", amount=Decimal(1), reason="As planned.", effective_from=AT.date(),
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    while evaluate_next_dirty_scopes(at=AT):
        pass
    # What the imports bring is there before shared cost is split: the run is the newest.
    imports = {"focus_import": focus_import(acme, folder).pk, "usage_import": usage_import(acme, folder).pk}
    shared = furnish_sharing(acme, AT)
    anomaly = Anomaly.objects.create(
        scope=teams["search"], provider="openai", model="gpt-4o", metric="cost", first_day=AT.date(),
        last_day=AT.date(), days_count=1, expected=10, observed=100, excess_cost=90, score=9, reason="matrix",
        method="matrix", detected_at=AT, status="open",
    )  # fmt: skip
    Forecast.objects.create(
        scope=teams["search"], unit="money", currency="USD", made_on=AT.date(), made_at=AT, starts_on=AT.date(),
        ends_on=AT.date() + DAY, booked=0, reason="Not enough history.",
    )  # fmt: skip
    return World(
        {
            "run": shared.pk,
            "search": "acme/search",
            "price_book": price_book_with_rates(acme),
            "guardrail": "monthly-budget",
            "rules": "acme-rules",
            "roomy": roomy.pk,
            "ending": roomy.pk,
            "approved": approved.pk,
            "reservation": str(reservation(teams["search"])),
            "lease": str(reservation(teams["search"], kind="lease")),
            "submitted": budget(teams["ads"], 10, author).pk,
            "draft": budget(ranker, 10, author, submitted=False).pk,
            **requests_of(teams["search"], author, finance),
            "emergency": emergency_of(teams["search"], Actor.of_user(people["urgent"])),
            **imports,
            "anomaly": anomaly.pk,
            "alert": Alert.objects.get().pk,
            "constraint": Constraint.objects.get().pk,
            "quarantined": QuarantinedUsage.objects.get().pk,
        },
        people,
    )


def requests_of(scope: Scope, author: Actor, decider: Actor, *, words: str = "As agreed.") -> dict[str, Any]:
    """A request in each state that a command starts from, and the digest of the one that waits."""
    made = [
        request_more(
            scope=scope, unit="money", amount=Decimal(5), case=Wish(words), actor=author, at=AT, submit=number > 0
        )
        for number in range(3)
    ]
    ask_about_request(request_id=made[2].pk, actor=decider, text=words, at=AT)
    digest = request_digest(made[1], budgets_raised(made, day=AT.date())[made[1].pk])
    names = ("wish_drafted", "wished", "wish_questioned")
    return {**dict(zip(names, (each.pk for each in made), strict=True)), "digest": digest}


def emergency_of(scope: Scope, urgent: Actor, *, words: str = "As agreed.") -> int:
    """Of a budget with one above it, to be reviewed."""
    return grant_in_emergency(scope=scope, unit="money", amount=Decimal(1), reason=words, actor=urgent, at=AT).pk


def price_book_with_rates(organisation: Scope) -> int:
    book = PriceBook.objects.create(
        name="contract", version=1, organisation=organisation, digest="0", document={}, applied_at=AT,
        applied_by="test", currency="USD",
    )  # fmt: skip
    Price.objects.create(
        book=book, position=0, provider="openai", model="gpt-x", service_tier="standard", meter="input", unit_price=1,
        effective_from=AT - timedelta(days=1),
    )  # fmt: skip
    ExchangeRate.objects.create(
        organisation=organisation, from_currency="EUR", to_currency="USD", effective_from=AT.date(), rate=1,
        source="ECB", recorded_at=AT, recorded_by="test",
    )  # fmt: skip
    return book.pk


def key_client(path: str, *permissions: str, made_by: User | None = None) -> Client:
    key, plaintext = create_api_key(scope=Scope.objects.get(path=path), permissions=permissions, actor=SYSTEM, at=AT)
    if made_by is not None:
        key.created_by = made_by
        key.save(update_fields=["created_by"])
    return Client(headers={"Authorization": f"Bearer {plaintext}"})


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def ask(world: World, client: Client, name: str, method: str = "") -> Any:
    route, case = name.split(" "), MATRIX[name]
    path = "/api/v1" + re.sub(r"\{\w+\}", str(world.ids.get(case.of, "")), route[1]) + case.query
    body = "" if case.body is None else json.dumps(case.body).replace(DIGEST, world.ids["digest"])
    return client.generic(method or route[0], path, body, "application/json")


COUNTED = (
    UsageRecord, QuarantinedUsage, Budget, DecisionRecord, Alert, Constraint, Outcome, UnitCostTarget, QuotaRequest
)  # fmt: skip


def counted() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in COUNTED)


def is_problem(answer: Any, status: int) -> bool:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    return bool(answer.json()["code"])


@pytest.mark.parametrize("name", NAMES)
def test_nobody_gets_401_and_changes_nothing(world: World, name: str) -> None:
    before = counted()
    assert is_problem(ask(world, Client(), name), 401)
    assert is_problem(ask(world, Client(headers={"Authorization": "Bearer weir_0123456789_wrong"}), name), 401)
    assert counted() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_lacks_the_permission_gets_403_and_changes_nothing(world: World, name: str) -> None:
    for needed in MATRIX[name].needs:
        client = key_client("acme", *(permission for permission in EVERY_PERMISSION if permission != needed))
        before = counted()
        answer = ask(world, client, name)
        assert is_problem(answer, 403)
        assert answer.json()["code"] == "permission_missing"
        assert counted() == before


def foreigners(world: World, case: Case) -> list[Client]:
    """A key that may do all there is, and a person with every right, both of globex; no key decides on money."""
    by_key, by_person = key_client("globex", "admin"), signed_in(world.people["foreign"])
    return (
        [by_person]
        if case.by in {"finance", "second", "urgent"}
        else [by_key]
        if "usage:write" in case.needs
        else [by_key, by_person]
    )


@pytest.mark.parametrize("name", NAMES)
def test_another_organisation_sees_nothing_and_changes_nothing(world: World, name: str) -> None:
    case = MATRIX[name]
    # A question for a decision takes a key; a session is nobody there.
    clients = foreigners(world, case)[:1] if "/decisions" in name else foreigners(world, case)
    for client in clients:
        before = counted()
        answer = ask(world, client, name)
        match case.foreign:
            case "hidden":
                assert is_problem(answer, 404)
                assert counted() == before
            case "apart":
                assert answer.status_code == 200
                assert b"acme" not in answer.content
                assert not UsageRecord.objects.filter(scope__path__startswith="acme", event_id="1", source="litellm")
            case "refused":
                assert [row["code"] for row in answer.json()["rejected"]] == ["scope_unknown"]
                assert UsageRecord.objects.count() == before[0]
                assert Outcome.objects.count() == before[COUNTED.index(Outcome)]
            case _:
                assert answer.status_code == 200
                assert b"acme" not in answer.content


@pytest.mark.parametrize("name", [name for name in NAMES if MATRIX[name].by != "key"])
def test_a_key_does_not_decide_for_a_person(world: World, name: str) -> None:
    client = key_client("acme", *MATRIX[name].needs)
    before = counted()
    assert is_problem(ask(world, client, name), 403)
    assert counted() == before


@pytest.mark.parametrize("name", NAMES)
def test_who_may_is_answered(world: World, name: str) -> None:
    case = MATRIX[name]
    by_key = key_client("acme", *case.needs, made_by=world.people["author"])
    client = by_key if case.by == "key" else signed_in(world.people[case.by])
    answer = ask(world, client, name)
    assert answer.status_code == case.ok, answer.content
    if case.foreign in {"hidden", "apart"} and case.body is None and not name.endswith("ledger"):
        assert b"acme" in answer.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_head_options_and_other_methods_are_answered_in_kind(world: World, name: str) -> None:
    client = key_client("acme", "admin")
    assert ask(world, client, name, "OPTIONS").status_code in {200, 405}
    assert ask(world, client, name, "HEAD").status_code in {200, 405}
    path = name.split(" ")[1]
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {each for each, other in ROUTES if other == path}:
        # A proxy asks with the method of the call that it asks about.
        if path.startswith("/decisions/check"):
            assert ask(world, client, name, method).status_code == 200
        else:
            assert is_problem(ask(world, client, name, method), 405)


def test_a_key_reaches_its_own_subtree_until_it_ends(world: World) -> None:
    deeper = key_client("acme/search/ranker", "scopes:read", "budgets:read", "decisions:read")
    seen = deeper.get("/api/v1/scopes").json()["results"]
    assert [scope["path"] for scope in seen] == ["acme/search/ranker"]
    assert is_problem(deeper.get(f"/api/v1/budgets/{world.ids['approved']}"), 404)
    key = ApiKey.objects.latest("pk")
    ApiKey.objects.filter(pk=key.pk).update(expires_at=AT)
    assert is_problem(deeper.get("/api/v1/scopes"), 401)
    assert is_problem(ask(world, deeper, "POST /decisions"), 401)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=AT + timedelta(seconds=1))
    assert deeper.get("/api/v1/scopes").status_code == 200
    revoke_api_key(key_id=key.pk, actor=SYSTEM, at=AT)
    assert is_problem(deeper.get("/api/v1/scopes"), 401)
    assert is_problem(ask(world, deeper, "POST /decisions"), 401)

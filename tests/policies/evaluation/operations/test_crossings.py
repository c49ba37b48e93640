"""A charge that brings a budget to a line is evaluated in the transaction that makes it."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.meters.documents import UsageEvent
from allocation.usage.engine.posts import HandedPost, answers_from_bytes, posts_to_bytes
from allocation.usage.models import UsageRecord
from allocation.usage.operations import Submission, crossings, fold_waiting, record_together, record_usage
from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from budgets.ledger.models import Account
from budgets.plans.models import Budget
from budgets.requests.operations import Case, approve_request, request_digest, request_more
from governance.organisations.operations import create_api_key, create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.work.engine.locks import EVALUATION_LOCK, PERIOD_LOCK, POSTING_LOCK
from governance.work.models import DirtyScope
from policies.alerts.models import AlertEvent
from policies.constraints.models import Constraint
from policies.evaluation.models import EvaluationRun
from tests.budgets.conftest import grant_by_two
from tests.policies.asked import ask
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, evaluate, person
from tests.policies.decisions.operations.test_following import conninfo

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")
CALLS = MONTHLY_BUDGET.replace("monthly-budget", "calls").replace(
    "amount: {fact: budget.amount}", "amount: {fact: budget.amount}\n    calls: {fact: requests, window: 5m}"
)
_numbers = count()


def call(cost: str, scope: str = "acme/search") -> dict[str, Any]:
    return {
        "id": f"call-{next(_numbers)}", "source": "test", "occurred_at": AT, "scope": scope,
        "provider": "openai", "model": "gpt-4o", "tokens": {"input": 100, "output": 10}, "cost": Decimal(cost),
    }  # fmt: skip


def record(acme: Scope, *costs: str, scope: str = "acme/search") -> None:
    """As the API does: what waits for the fold is left to it."""
    events = [UsageEvent.model_validate(call(cost, scope)) for cost in costs]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT, folded=False).accepted == len(costs)


def begin(apply: Apply, text: str = MONTHLY_BUDGET, *, level: str = "hard_mandatory") -> None:
    """Brings the guardrail into force, and leaves nothing to evaluate."""
    apply(text, level=level)
    evaluate()


def limited() -> list[str]:
    return sorted(Constraint.objects.in_force(AT).values_list("scope__path", flat=True))


def dirty() -> set[str]:
    return set(DirtyScope.objects.values_list("scope__path", flat=True))


@pytest.fixture
def client(acme: Scope, settings: Any) -> Iterator[Client]:
    settings.USAGE_FOLDED_IN_REQUEST = False
    _key, secret = create_api_key(scope=acme, permissions=["usage:write", "decisions:read"], actor=SYSTEM, at=AT)
    with time_machine.travel(AT, tick=False):
        yield Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def ads(acme: Scope, author: Actor, finance: Actor) -> Scope:
    """A team with a budget of its own."""
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    proposed = create_budget(scope=ads, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)
    return ads


def test_the_call_after_the_crossing_is_refused_until_the_budget_is_raised(
    apply: Apply, client: Client, budget: Budget, finance: Actor
) -> None:
    def post(cost: str) -> str:
        answer = client.post("/api/v1/usage", json.dumps([call(cost)], default=str), content_type="application/json")
        assert answer.json()["accepted"] == 1
        return str(ask(client, {"scope": "acme/search", "model": "gpt-4o"}).json()["decision"])

    begin(apply)
    assert [post("60.00"), post("39.99"), post("0.01")] == ["allow", "allow", "deny"]

    grant_by_two(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="Agreed.", at=AT)
    evaluate()
    assert [post("49.00"), post("1.00")] == ["allow", "deny"]


def test_a_request_that_is_approved_releases_what_the_used_up_budget_held_back(
    apply: Apply, client: Client, budget: Budget, finance: Actor
) -> None:
    begin(apply)
    client.post("/api/v1/usage", json.dumps([call("100.00")], default=str), content_type="application/json")
    assert limited() == ["acme/search"]
    team = person("dev@example.com", budget.scope, "engineering", "")
    request = request_more(
        scope=budget.scope, unit="money", amount=Decimal(50), case=Case("The launch."), actor=team, at=AT
    )

    approve_request(
        request_id=request.pk, actor=finance, reason="Agreed.", expected_digest=request_digest(request, budget), at=AT
    )

    assert "acme/search" in dirty(), "which wakes the evaluation"
    evaluate()
    assert limited() == []


def test_the_front_is_told_which_transaction_it_must_have_read(apply: Apply, client: Client) -> None:
    def hand(*costs: str) -> str | None:
        headers = {"X-Weir-Posts": str(len(costs)), "Accept": "application/json"}
        key = str(client.defaults["HTTP_AUTHORIZATION"])
        posts = [
            HandedPost(key, "application/json", "testserver", json.dumps([call(cost)], default=str).encode())
            for cost in costs
        ]
        answer = client.post(
            "/api/v1/usage", posts_to_bytes(posts), content_type="application/octet-stream", headers=headers
        )
        assert [each is not None and each.status for each in answers_from_bytes(answer.content)] == [200] * len(costs)
        return answer.headers.get("X-Weir-Evaluated-In")

    begin(apply)
    assert hand("30.00") is not None, "a fifth of it: a line too many"
    assert hand("1.00", "1.00") is None
    number = hand("1.00", "67.00")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        assert cursor.fetchone() == (number,)
    assert hand("1.00") is not None, "on from the line"


def test_what_is_written_is_what_an_evaluation_writes(apply: Apply, acme: Scope, client: Client) -> None:
    begin(apply)
    record(acme, "60.00", "45.00")

    assert limited() == ["acme/search"]
    assert list(AlertEvent.objects.order_by("id").values_list("kind", "step")) == [
        ("step_started", "warn"), ("step_started", "block"), ("constrained", "block"), ("notified", "block"),
    ]  # fmt: skip
    run = EvaluationRun.objects.get(cause="crossing")
    assert (run.scopes_count, run.guardrails_count, run.transitions_count) == (1, 1, 2)
    assert dirty() == {"acme"}, "the parent is evaluated on its own"

    fold_waiting(at=AT)
    evaluate()
    assert (limited(), EvaluationRun.objects.filter(transitions_count__gt=0).count()) == (["acme/search"], 1)


def test_two_senders_of_one_transaction_are_both_limited_and_a_third_is_not(
    apply: Apply, acme: Scope, ads: Scope
) -> None:
    begin(apply)
    create_scope(slug="free", kind="team", parent=acme, actor=SYSTEM, at=AT)
    sent = [("acme/search", "100.00"), ("acme/free", "1000.00"), ("acme/ads", "170.00"), ("acme/ads", "1.00")]
    submissions = [
        Submission(events=[UsageEvent.model_validate(call(cost, path))], key_scope_id=acme.pk, folded=False)
        for path, cost in sent
    ]
    assert [getattr(result, "accepted", result) for result in record_together(submissions, at=AT)] == [1, 1, 1, 1]
    assert limited() == ["acme/ads", "acme/search"]
    assert EvaluationRun.objects.get(cause="crossing").scopes_count == 2


def test_what_crosses_nothing_costs_no_statement_more(apply: Apply, acme: Scope, settings: Any) -> None:
    begin(apply)
    record(acme, "1.00")
    with CaptureQueriesContext(connection) as with_guardrails:
        record(acme, "1.00")
    settings.USAGE_CROSSING = ""
    with CaptureQueriesContext(connection) as without:
        record(acme, "1.00")
    assert len(with_guardrails) == len(without)


def test_a_guardrail_that_reads_other_usage_too_is_held_until_that_is_there(apply: Apply, acme: Scope) -> None:
    begin(apply, CALLS.replace("used >= amount", "used >= amount && calls >= 1"))
    record(acme, "104.00")
    assert (limited(), dirty()) == ([], {"acme", "acme/search"}), "no usage was folded before"
    fold_waiting(at=AT)
    evaluate()
    assert limited() == ["acme/search"]


@pytest.mark.parametrize("breaks", ["python", "database", "too_many", "too_late"])
def test_usage_is_recorded_and_charged_whatever_becomes_of_its_evaluation(
    apply: Apply, acme: Scope, breaks: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> int:
        with connection.cursor() as cursor:
            match breaks:
                case "database":
                    cursor.execute("INSERT INTO policies_alert (reason) VALUES ('lost')")
                case "too_late":
                    cursor.execute("SELECT pg_sleep(10)")
        raise RuntimeError("It cannot be written.")

    begin(apply)
    with monkeypatch.context() as broken:
        broken.setattr(crossings, "STATEMENT_MS_MAX", 20)
        if breaks == "too_many":
            broken.setattr("policies.evaluation.operations.crossings.FINDINGS_MAX", 0)
        else:
            broken.setattr("policies.evaluation.operations.crossings.write_findings", fail)
        record(acme, "104.00")

    assert UsageRecord.objects.count() == 1
    assert Account.objects.get(scope__path="acme/search").spent == 104
    assert (limited(), dirty()) == ([], {"acme", "acme/search"})
    assert ("evaluated after its charge" in caplog.text) is (breaks != "too_many")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0", "0")
    evaluate()
    assert limited() == ["acme/search"]


def test_locks_are_taken_after_those_of_usage_and_not_waited_for_without_end(apply: Apply, acme: Scope) -> None:
    apply()
    with CaptureQueriesContext(connection) as queries:
        record(acme, "104.00")
    statements = [str(query["sql"]) for query in queries.captured_queries]
    keys = [PERIOD_LOCK.key(), POSTING_LOCK.key(), EVALUATION_LOCK.key(acme.pk)]
    asked = [sql for sql in statements if "pg_advisory_xact_lock" in sql]
    assert [key for sql in asked for key in keys if f"({key[0]}" in sql] == keys
    bounds = [(place, sql) for place, sql in enumerate(statements) if "SET LOCAL lock_timeout" in sql]
    (begins, first), (ends, last) = bounds
    assert first.startswith("SET LOCAL lock_timeout = 100;")
    assert last.startswith("SET LOCAL lock_timeout TO DEFAULT;")
    (locks,) = [place for place, sql in enumerate(statements) if f"({EVALUATION_LOCK.key(acme.pk)[0]}" in sql]
    assert begins < locks < ends


def test_a_charge_waits_for_another_evaluation_of_its_organisation_but_not_long(
    apply: Apply, acme: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply()
    DirtyScope.objects.all().delete()
    monkeypatch.setattr(crossings, "LOCK_MS_MAX", 20)
    (key,) = EVALUATION_LOCK.key(acme.pk)
    with psycopg.connect(conninfo()) as other:
        other.execute("SET statement_timeout = '5s'")
        other.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        record(acme, "104.00")
    assert (limited(), dirty()) == ([], {"acme", "acme/search"})
    evaluate()
    assert limited() == ["acme/search"]


def test_without_guardrails_in_the_settings_the_program_is_told(apply: Apply, acme: Scope, settings: Any) -> None:
    settings.USAGE_CROSSING = ""
    begin(apply)
    record(acme, "104.00")
    assert (limited(), dirty()) == ([], {"acme", "acme/search"})


def test_a_guardrail_that_only_advises_limits_nothing(apply: Apply, acme: Scope) -> None:
    begin(apply, level="dry_run")
    record(acme, "104.00")
    assert limited() == []
    assert AlertEvent.objects.filter(kind="would_constrain").count() == 1

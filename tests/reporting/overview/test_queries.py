from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.meters.documents import UsageEvent
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from policies.alerts.models import Alert
from policies.guardrails.models import GuardrailVersion
from reporting.overview.queries import Dashboard, dashboard
from tests.policies.conftest import AT, SYSTEM, Apply, Spend, evaluate

ROOT = Actor.system()


YESTERDAY = AT - timedelta(days=1)


@pytest.fixture
def superuser(db: None) -> Actor:
    return Actor.of_user(User.objects.create_superuser("root@example.com", "a long password"))


@pytest.fixture
def assistant(acme: Scope) -> Scope:
    return create_scope(slug="assistant", kind="agent", practice="ai_for_finops", parent=acme, actor=SYSTEM, at=AT)


def queries(actor: Actor) -> int:
    """With the scope tree in memory, and of somebody who has just signed in."""
    assert actor.user is not None
    scope_tree()
    actor = Actor.of_user(actor.user)
    with CaptureQueriesContext(connection) as captured:
        dashboard(actor=actor, at=AT)
    return len(captured)


@pytest.mark.usefixtures("assistant")
def test_ai_for_finops_is_counted_apart(search: Scope, spend: Spend) -> None:
    spend(search.path, "70.00")
    spend("acme/assistant", "5.00")
    (spent,) = dashboard(actor=ROOT, at=AT).spending
    assert (spent.currency, spent.cost, spent.finops_cost) == ("USD", Decimal(70), Decimal(5))


def test_cost_per_day_is_stacked_by_the_scopes_right_below_the_organisation(
    search: Scope, ranker: Scope, spend: Spend
) -> None:
    spend(search.path, "10.00", at=YESTERDAY)
    spend(ranker.path, "2.50", at=YESTERDAY)
    spend("acme/unattributed", "1.00")
    (spent,) = dashboard(actor=ROOT, at=AT).spending
    assert [(one.name, one.said) for one in spent.chart.legend] == [
        ("search", "12.50"), ("Unattributed", "1.00"),
    ]  # fmt: skip
    assert spent.chart.days[-2].tooltip == "Mon 2026-11-23: 12.50 USD\nsearch 12.50"


def test_models_show_what_one_request_and_a_thousand_tokens_cost(search: Scope, spend: Spend) -> None:
    spend(search.path, "0.30")
    spend(search.path, "0.10")
    (spent,) = dashboard(actor=ROOT, at=AT).spending
    (line,) = spent.models
    assert (line.model, line.requests, line.tokens, line.cost) == ("gpt-4o", 2, 220, Decimal("0.4"))
    assert line.cost_per_request == Decimal("0.2")
    assert line.cost_per_1000_tokens == Decimal("0.4") * 1000 / 220


def test_nobody_sees_what_others_spend(search: Scope, spend: Spend, team_lead: Actor, acme: Scope) -> None:
    create_scope(slug="support", kind="team", parent=acme, actor=SYSTEM, at=AT)
    spend(search.path, "10.00")
    spend("acme/support", "99.00")
    (spent,) = dashboard(actor=team_lead, at=AT).spending
    assert spent.cost == Decimal(10)
    assert [one.name for one in spent.chart.legend] == ["search"]


def test_a_pending_alert_is_not_open(search: Scope, apply: Apply, superuser: Actor, client: Client) -> None:
    """Nobody has been told of it: it must last first."""
    apply()
    version = GuardrailVersion.objects.get()
    period: dict[str, Any] = {
        "period_start": AT,
        "period_end": AT + timedelta(days=1),
        "opened_at": AT,
        "version": version,
    }
    for number, status in enumerate(("pending", "pending", "firing")):
        Alert.objects.create(
            scope=search, guardrail=f"guardrail-{number}", level="advisory", status=status, step="warn",
            severity="low", reason=f"It is {status}.", **period,
        )  # fmt: skip
    shown = dashboard(actor=superuser, at=AT)
    assert (shown.alerts_count, shown.pending_count) == (1, 2)
    assert [alert.reason for alert in shown.alerts] == ["It is firing."]
    assert superuser.user is not None
    client.force_login(superuser.user)
    page = client.get("/admin/").content.decode()
    assert "2 pending</a>, which must last before anybody is told" in page


def test_money_in_quarantine_is_on_the_first_page(client: Client, search: Scope, superuser: Actor) -> None:
    late = UsageEvent.model_validate(
        {"id": "1", "source": "gateway", "occurred_at": AT, "scope": "acme/nowhere", "provider": "openai",
         "model": "gpt-4o", "cost": Decimal("310.2")}
    )  # fmt: skip
    assert dashboard(actor=ROOT, at=AT).quarantine is None
    record_usage(events=[late], key_scope_id=search.pk, at=AT)
    shown = dashboard(actor=ROOT, at=AT).quarantine
    assert shown is not None
    assert (shown.records, [(each.currency, each.amount) for each in shown.amounts]) == (1, [("USD", Decimal("310.2"))])
    assert superuser.user is not None
    client.force_login(superuser.user)
    page = client.get("/admin/").content.decode()
    assert "310.20 USD not counted yet: 1 record waits in quarantine" in page
    assert "/admin/allocation/quarantinedusage/?state=waiting" in page


@pytest.mark.usefixtures("budget")
def test_more_to_show_takes_no_more_queries(
    acme: Scope, author: Actor, finance: Actor, apply: Apply, spend: Spend
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    proposed = create_budget(scope=acme, amount=Decimal(5000), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    few = queries(finance)
    for slug in ("one", "two", "three"):
        team = create_scope(slug=slug, kind="team", parent=acme, actor=SYSTEM, at=AT)
        proposed = create_budget(scope=team, amount=Decimal(10), actor=author, at=AT)
        submit_budget(budget_id=proposed.pk, actor=author, at=AT)
        approved = Budget.objects.get(pk=proposed.pk)
        approve_budget(budget_id=approved.pk, actor=finance, reason="Agreed.", at=AT)
        another = create_budget(scope=team, unit="tokens", amount=Decimal(10), actor=author, at=AT)
        submit_budget(budget_id=another.pk, actor=author, at=AT)
        spend(team.path, "11.00")
    evaluate()
    shown = dashboard(actor=finance, at=AT)
    assert (len(shown.alerts), len(shown.constraints), len(shown.budgets), len(shown.waiting)) == (4, 4, 4, 4)
    assert queries(finance) == few == 22


def test_an_empty_installation_says_what_to_do_first(client: Client, superuser: Actor) -> None:
    assert superuser.user is not None
    client.force_login(superuser.user)
    page = client.get("/admin/").content.decode()
    assert "What to do first" in page
    assert "weir apply docs/examples/organisation.yaml" in page
    assert "weir keys create" in page


@pytest.mark.usefixtures("budget")
def test_first_steps_go_once_they_are_done(superuser: Actor, apply: Apply, spend: Spend) -> None:
    def steps() -> Dashboard:
        return dashboard(actor=superuser, at=AT)

    assert not steps().steps.are_done
    apply()
    spend("acme/search", "1.00")
    assert steps().steps.are_done

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client

from allocation.usage.engine.roll_ups import UsagePosting
from allocation.usage.models import UsageDay
from budgets.approvals.operations import (
    approve_budget,
    approve_grant,
    create_budget,
    end_budget,
    grant_more,
    submit_budget,
)
from budgets.ledger.models import Account
from budgets.ledger.operations import post_usage
from budgets.plans.models import Budget
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.scopes.models import Scope

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = AT.date()
SYSTEM = Actor.system()


@pytest.fixture
def author(acme: Scope) -> Actor:
    return person("ada@example.com", acme, "engineering", "")


@pytest.fixture
def finance(acme: Scope) -> Actor:
    return person("fay@example.com", acme, "finance", "approve_budget")


def person(email: str, scope: Scope, persona: str, right: str) -> Actor:
    user = User.objects.create_user(email, "a long password", is_staff=True)
    Ownership.objects.create(scope=scope, user=user, persona=persona, decision_right=right)
    return Actor.of_user(user)


Propose = Callable[..., Budget]


@pytest.fixture
def propose(author: Actor) -> Propose:
    def submitted(scope: Scope, amount: str, *, at: datetime = AT, **terms: object) -> Budget:
        budget = create_budget(scope=scope, amount=Decimal(amount), actor=author, at=at, **terms)
        return submit_budget(budget_id=budget.pk, actor=author, at=at)

    return submitted


@pytest.fixture
def approve(propose: Propose, finance: Actor) -> Propose:
    def approved(scope: Scope, amount: str, *, at: datetime = AT, **terms: object) -> Budget:
        budget = propose(scope, amount, at=at, **terms)
        return approve_budget(budget_id=budget.pk, actor=finance, reason="planned", at=at)

    return approved


def grant_by_two(*, budget_id: int, amount: Decimal, actor: Actor, reason: str, at: datetime) -> Account:
    """As `grant_more`, and by a second person where it needs one."""
    granted = grant_more(budget_id=budget_id, amount=amount, actor=actor, reason=reason, at=at)
    if isinstance(granted, Account):
        return granted
    return approve_grant(budget_id=budget_id, actor=second_person(), reason=reason, at=at)


def end_by_two(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> Budget:
    """As `end_budget`, and by a second person where it needs one."""
    ended = end_budget(budget_id=budget_id, actor=actor, reason=reason, at=at)
    if not isinstance(ended, Budget):
        ended = end_budget(budget_id=budget_id, actor=second_person(), reason=reason, at=at)
    assert isinstance(ended, Budget)
    return ended


def second_person() -> Actor:
    known = User.objects.filter(email="zoe@example.com").first()
    return Actor.of_user(known or User.objects.create_superuser("zoe@example.com", "a long password"))


def use(
    scope: Scope,
    cost: str,
    *,
    on: date = TODAY,
    tokens: int = 0,
    requests: int = 0,
    gpu_seconds: str = "0",
    at: datetime = AT,
) -> None:
    """What one batch does: the roll-up and the posting."""
    bucket = datetime(on.year, on.month, on.day, tzinfo=UTC)
    row, _ = UsageDay.objects.get_or_create(
        scope=scope,
        bucket=bucket,
        provider="openai",
        model="gpt-4o",
        defaults={
            **dict.fromkeys(("requests", "errors", "unpriced_requests", "input_tokens", "cached_input_tokens"), 0),
            **dict.fromkeys(("cache_write_tokens", "output_tokens", "reasoning_tokens", "gpu_seconds", "cost"), 0),
            "last_occurred_at": at,
            "last_received_at": at,
        },
    )
    posting = UsagePosting(
        scope_id=scope.pk,
        occurred_on=on,
        cost=Decimal(cost),
        tokens=tokens,
        requests=requests,
        gpu_seconds=Decimal(gpu_seconds),
    )
    post_usage(postings=[posting], at=at)
    row.refresh_from_db()
    row.cost += Decimal(cost)
    row.input_tokens += tokens
    row.requests += requests
    row.gpu_seconds += Decimal(gpu_seconds)
    row.save()


def account_of(scope: Scope, unit: str = "money", day: date = TODAY) -> Account:
    return Account.objects.get(kind="budget", scope=scope, unit=unit, period_start__lte=day, period_end__gt=day)


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client

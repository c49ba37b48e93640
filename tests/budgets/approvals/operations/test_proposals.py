from datetime import UTC, datetime
from decimal import Decimal

import pytest

from budgets.approvals import operations
from budgets.ledger.models import Account
from budgets.plans.models import Budget
from governance.errors import Invalid
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, account_of, grant_by_two, use
from tests.budgets.plans.declared_budgets import TEXT, document


def apply(text: str = TEXT, *, at: datetime = AT, actor: Actor = SYSTEM) -> tuple[str, tuple[str, ...]]:
    planned = operations.plan_budget(document(text), at=at)
    change = operations.apply_budget(document(text), actor=actor, at=at, source="budgets.yaml")
    assert change == planned
    return change.action, change.differences


def test_a_document_is_a_proposal_and_applying_it_again_changes_nothing(search: Scope) -> None:
    assert apply() == ("create", ("proposes 100.00 (money) a month for acme/search",))
    assert apply() == ("unchanged", ())

    budget = Budget.objects.get()
    assert (budget.status, budget.name, budget.amount, budget.source) == (
        "submitted", "search-money", Decimal(100), "budgets.yaml",
    )  # fmt: skip
    assert Account.objects.count() == 0


def test_a_proposal_takes_new_terms_until_it_is_decided(search: Scope, author: Actor) -> None:
    apply(actor=author)

    assert apply(TEXT.replace("100.00", "120"), actor=author) == ("update", ("amount: 100 → 120",))

    budget = Budget.objects.get()
    assert (budget.amount, budget.status, budget.submitted_by) == (Decimal(120), "submitted", author.user)
    assert DecisionRecord.objects.get(action="budget.amend").evidence["was"]["amount"] == "100"


def test_what_is_carried_over_is_proposed_compared_and_approved(search: Scope, finance: Actor) -> None:
    carried = TEXT + '  carry_over: unspent\n  carry_over_max: "20.50"\n'
    assert apply(carried) == (
        "create", ("proposes 100.00 (money) a month for acme/search, carry_over unspent at most 20.50",)
    )  # fmt: skip
    assert apply(carried) == ("unchanged", ())
    operations.approve_budget(budget_id=Budget.objects.get().pk, actor=finance, reason="ok", at=AT)
    record = DecisionRecord.objects.get(action="budget.approve")
    assert (record.evidence["carry_over"], record.evidence["carry_over_max"]) == ("unspent", "20.5")

    assert apply() == ("update", ("carry_over: unspent → none", "carry_over_max: 20.5 → None"))
    assert Budget.objects.get(status="submitted").carry_over == "none"


def test_an_approved_budget_is_unchanged_and_a_new_amount_is_a_new_version(search: Scope, finance: Actor) -> None:
    apply()
    first = operations.approve_budget(budget_id=Budget.objects.get().pk, actor=finance, reason="ok", at=AT)
    use(search, "30")
    assert apply() == ("unchanged", ())
    grant_by_two(budget_id=first.pk, amount=Decimal(10), actor=finance, reason="once", at=AT)
    assert apply() == ("unchanged", ())

    assert apply(TEXT.replace("100.00", "150")) == ("update", ("amount: 100 → 150",))
    assert account_of(search).funded == Decimal(110)
    second = operations.approve_budget(
        budget_id=Budget.objects.get(status="submitted").pk, actor=finance, reason="ok", at=AT
    )

    assert (account_of(search).funded, account_of(search).spent, account_of(search).budget_id) == (
        Decimal(160), Decimal(30), second.pk,
    )  # fmt: skip
    assert apply(TEXT.replace("100.00", "150")) == ("unchanged", ())


def test_a_start_in_the_past_stays_unchanged_after_approval(search: Scope, finance: Actor) -> None:
    text = f"{TEXT}  starts_on: 2026-01-01\n"
    apply(text)
    operations.approve_budget(budget_id=Budget.objects.get().pk, actor=finance, reason="ok", at=AT)

    assert apply(text) == ("unchanged", ())
    assert apply(text, at=datetime(2027, 2, 3, tzinfo=UTC)) == ("unchanged", ())


def test_a_rejection_is_not_argued_with_by_applying_again(search: Scope, finance: Actor) -> None:
    apply()
    operations.reject_budget(budget_id=Budget.objects.get().pk, actor=finance, reason="too much", at=AT)

    assert apply() == ("unchanged", ("rejected: too much",))
    assert apply(TEXT.replace("100.00", "50"))[0] == "create"


def test_a_scope_must_exist_and_a_name_belongs_to_one_budget(search: Scope, acme: Scope) -> None:
    apply()

    with pytest.raises(Invalid, match="no scope 'acme/nowhere'"):
        apply(TEXT.replace("acme/search", "acme/nowhere"))
    with pytest.raises(Invalid, match="belongs to the money budget of acme/search"):
        apply(TEXT.replace("acme/search", "acme"))

    assert Budget.objects.count() == 1

from datetime import date
from decimal import Decimal

import pytest

from budgets.approvals.operations import approve_budget, end_budget, reject_budget, submit_budget, withdraw_budget
from budgets.ledger.models import Account
from budgets.ledger.queries import budget_facts
from budgets.plans.errors import (
    ProposalExists,
    WrongStatus,
)
from budgets.plans.models import Budget
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from tests.budgets.conftest import AT, Propose, account_of, end_by_two, use


def test_a_status_moves_one_way(search: Scope, propose: Propose, finance: Actor, author: Actor) -> None:
    budget = propose(search, "100")
    with pytest.raises(WrongStatus):
        submit_budget(budget_id=budget.pk, actor=author, at=AT)
    reject_budget(budget_id=budget.pk, actor=finance, reason="too much", at=AT)

    with pytest.raises(WrongStatus, match="it is rejected"):
        approve_budget(budget_id=budget.pk, actor=finance, reason="ok", at=AT)
    with pytest.raises(WrongStatus):
        withdraw_budget(budget_id=budget.pk, actor=author, reason="ok", at=AT)


def test_an_author_withdraws_and_may_propose_again(search: Scope, propose: Propose, author: Actor) -> None:
    budget = propose(search, "100")
    with pytest.raises(ProposalExists):
        propose(search, "120")

    withdraw_budget(budget_id=budget.pk, actor=author, reason="typo", at=AT)

    assert propose(search, "120").status == "submitted"
    assert list(Budget.objects.order_by("pk").values_list("status", flat=True)) == ["withdrawn", "submitted"]


def test_ending_returns_what_is_left_and_moves_todays_usage_up(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "200")
    budget = approve(search, "100")
    use(search, "30", on=date(2026, 11, 20))
    use(search, "8")

    end_budget(budget_id=budget.pk, actor=finance, reason="team closes", at=AT)
    use(search, "2")

    ended = Account.objects.get(scope=search, kind="budget")
    assert (ended.period_end, ended.funded, ended.spent) == (date(2026, 11, 24), Decimal(30), Decimal(30))
    assert (account_of(acme).spent, account_of(acme).granted_out) == (Decimal(10), Decimal(30))
    facts = budget_facts(scope_ids=[acme.pk, search.pk], unit="money", at=AT)
    assert {scope: item.used for scope, item in facts.items()} == {acme.pk: Decimal(40)}


def test_a_budget_may_be_proposed_again_in_the_month_it_was_ended(
    search: Scope, approve: Propose, finance: Actor
) -> None:
    budget = approve(search, "100")
    use(search, "30", on=date(2026, 11, 20))
    end_by_two(budget_id=budget.pk, actor=finance, reason="a mistake", at=AT)

    again = approve(search, "50")

    assert (again.starts_on, account_of(search).period_start, account_of(search).spent) == (
        date(2026, 11, 24),
        date(2026, 11, 24),
        Decimal(0),
    )


def test_every_step_is_recorded_and_marks_who_reads_it(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    DirtyScope.objects.all().delete()

    approve(search, "100")

    assert set(DirtyScope.objects.values_list("scope", flat=True)) == {acme.pk, search.pk, ranker.pk}
    recorded = DecisionRecord.objects.filter(action__startswith="budget.").order_by("seq")
    assert list(recorded.values_list("action", flat=True)) == ["budget.create", "budget.submit", "budget.approve"]
    assert recorded.last().evidence["amount"] == "100"

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budgets.approvals.operations import (
    approve_budget,
    create_budget,
    end_budget,
    give_back,
    grant_more,
    reject_budget,
    submit_budget,
    withdraw_budget,
)
from budgets.ledger.models import Account, Transfer
from budgets.ledger.operations import open_periods
from budgets.ledger.queries import budget_facts
from budgets.plans.errors import (
    ChangedSinceSeen,
    FourEyes,
    InsufficientFunds,
    PeriodLongerThanParent,
    ProposalExists,
    WrongStatus,
)
from budgets.plans.models import Budget
from governance.errors import DomainError, Invalid, NotFound, PersonRequired, RightRequired
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import Ownership
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, person, use


def test_an_approved_budget_is_funded_for_its_period_and_says_what_is_left(
    acme: Scope, search: Scope, approve: Propose
) -> None:
    budget = approve(search, "100")

    use(search, "40.5")

    facts = budget_facts(scope_ids=[search.pk, acme.pk], unit="money", at=AT)[search.pk]
    assert facts.budget_id == budget.pk
    assert (facts.amount, facts.used, facts.remaining) == (Decimal(100), Decimal("40.5"), Decimal("59.5"))
    assert facts.used_ratio == Decimal("0.405")
    assert facts.period_start == datetime(2026, 11, 1, tzinfo=UTC)
    assert facts.period_end == datetime(2026, 12, 1, tzinfo=UTC)
    assert facts.daily_share == Decimal("3.333333333")


def test_nobody_decides_on_a_budget_of_their_own(search: Scope, propose: Propose, author: Actor) -> None:
    budget = propose(search, "100")
    author.user.is_superuser = True
    author.user.save()

    for decide in (approve_budget, reject_budget):
        with pytest.raises(FourEyes, match="someone else"):
            decide(budget_id=budget.pk, actor=author, reason="mine", at=AT)

    budget.refresh_from_db()
    assert (budget.status, budget.decided_by, Account.objects.count()) == ("submitted", None, 0)


def test_who_made_a_key_is_the_author_of_what_it_proposes(search: Scope, finance: Actor) -> None:
    Ownership.objects.create(scope=search, user=finance.user, persona="platform")
    key, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=finance, at=AT)
    by_key = Actor.of_key(key)
    budget = create_budget(scope=search, amount=Decimal(5), actor=by_key, at=AT)
    submit_budget(budget_id=budget.pk, actor=by_key, at=AT)

    with pytest.raises(FourEyes):
        approve_budget(budget_id=budget.pk, actor=finance, reason="fine", at=AT)
    with pytest.raises(PersonRequired):
        approve_budget(budget_id=budget.pk, actor=by_key, reason="fine", at=AT)


def test_deciding_needs_the_right_at_or_above_the_scope(acme: Scope, search: Scope, propose: Propose) -> None:
    sibling = create_scope(slug="other", kind="team", parent=acme, actor=SYSTEM, at=AT)
    budget = propose(search, "100")

    with pytest.raises(RightRequired):
        approve_budget(budget_id=budget.pk, actor=person("bo@example.com", search, "finance", ""), reason="ok", at=AT)
    with pytest.raises(NotFound):
        approve_budget(
            budget_id=budget.pk,
            actor=person("cy@example.com", sibling, "finance", "approve_budget"),
            reason="ok",
            at=AT,
        )


def test_a_decision_needs_a_reason_and_what_was_seen(search: Scope, propose: Propose, finance: Actor) -> None:
    budget = propose(search, "100")

    with pytest.raises(Invalid, match="reason"):
        approve_budget(budget_id=budget.pk, actor=finance, reason="  ", at=AT)
    with pytest.raises(ChangedSinceSeen, match=r"100\.00 USD"):
        approve_budget(budget_id=budget.pk, actor=finance, reason="ok", at=AT, expected_amount=Decimal(99))

    assert Budget.objects.get().status == "submitted"


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


def test_a_child_takes_its_money_out_of_the_parent_and_never_more_than_there_is(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "70")
    with pytest.raises(InsufficientFunds, match=r"acme/search has 70\.00 USD available") as refused:
        approve(ranker, "70.01")

    assert refused.value.extra == {"available": "70"}
    assert (account_of(acme).funded, account_of(acme).granted_out) == (Decimal(100), Decimal(70))
    assert (account_of(search).funded, account_of(search).granted_out) == (Decimal(70), Decimal(0))
    kinds = Transfer.objects.order_by("pk").values_list(
        "kind", "amount", "credit_account__kind", "debit_account__scope"
    )
    assert list(kinds) == [("fund", Decimal(100), "source", acme.pk), ("grant", Decimal(70), "budget", search.pk)]


def test_a_charge_falls_on_the_nearest_budget_and_counts_above(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "50")

    use(ranker, "30")
    use(acme, "5")

    assert (account_of(search).spent, account_of(acme).spent) == (Decimal(30), Decimal(5))
    facts = budget_facts(scope_ids=[acme.pk, search.pk], unit="money", at=AT)
    assert {scope: item.used for scope, item in facts.items()} == {acme.pk: Decimal(35), search.pk: Decimal(30)}
    assert facts[acme.pk].available == Decimal(45)


def test_each_unit_has_its_own_nearest_budget(acme: Scope, search: Scope, ranker: Scope, approve: Propose) -> None:
    approve(acme, "100")
    approve(search, "1000", unit="tokens")
    approve(ranker, "2", unit="gpu_hours", period="quarter")

    use(ranker, "1.25", tokens=400, requests=3, gpu_seconds="1000")

    assert account_of(acme).spent == Decimal("1.25")
    assert account_of(search, "tokens").spent == Decimal(400)
    facts = budget_facts(scope_ids=[ranker.pk], unit="gpu_hours", at=AT)[ranker.pk]
    assert (facts.amount, facts.used, facts.period_start) == (
        Decimal(2),
        Decimal("0.277777778"),
        datetime(2026, 10, 1, tzinfo=UTC),
    )


def test_spending_may_exceed_a_budget_and_shows(search: Scope, approve: Propose) -> None:
    approve(search, "10")

    use(search, "12")

    facts = budget_facts(scope_ids=[search.pk], unit="money", at=AT)[search.pk]
    assert (facts.remaining, facts.used_ratio) == (Decimal(-2), Decimal("1.2"))


def test_usage_before_approval_counts_once_and_leaves_the_budget_above(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    use(ranker, "7", on=date(2026, 11, 3))
    use(ranker, "100", on=date(2026, 10, 31))
    approve(acme, "60")
    assert account_of(acme).spent == Decimal(7)
    use(search, "3")

    approve(search, "60")

    assert (account_of(acme).spent, account_of(search).spent) == (Decimal(0), Decimal(10))
    assert budget_facts(scope_ids=[acme.pk], unit="money", at=AT)[acme.pk].used == Decimal(10)
    moved = Transfer.objects.filter(kind="adjust").order_by("pk").values_list("occurred_on", "amount")
    assert list(moved) == [(date(2026, 11, 3), Decimal(7)), (date(2026, 11, 24), Decimal(3))]


def test_a_budget_approved_above_another_takes_it_into_its_care(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(ranker, "20")
    approve(search, "50")
    with pytest.raises(InsufficientFunds, match=r"at least 50\.00 USD"):
        approve(acme, "49.99")
    Budget.objects.filter(status="submitted").update(status="withdrawn")

    approve(acme, "80")

    funded = {
        account.scope_id: (account.funded, account.granted_out) for account in Account.objects.filter(kind="budget")
    }
    assert funded == {
        acme.pk: (Decimal(80), Decimal(50)),
        search.pk: (Decimal(50), Decimal(20)),
        ranker.pk: (Decimal(20), Decimal(0)),
    }
    assert account_of(search).parent == account_of(acme)


def test_more_is_granted_for_the_current_period_only(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "150")
    budget = approve(search, "100")

    grant_more(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="launch", at=AT)
    with pytest.raises(InsufficientFunds, match=r"acme has 0\.00 USD available"):
        grant_more(budget_id=budget.pk, amount=Decimal("0.01"), actor=finance, reason="more", at=AT)

    assert account_of(search).funded == Decimal(150)
    december = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    open_periods(at=december)
    assert account_of(search, day=december.date()).funded == Decimal(100)
    assert DecisionRecord.objects.filter(action="budget.grant", user=finance.user).count() == 1


def test_nobody_grants_more_to_a_budget_of_their_own(search: Scope, approve: Propose, author: Actor) -> None:
    budget = approve(search, "100")
    author.user.is_superuser = True
    author.user.save()

    with pytest.raises(FourEyes):
        grant_more(budget_id=budget.pk, amount=Decimal(1), actor=author, reason="more", at=AT)

    assert account_of(search).funded == Decimal(100)


def test_giving_back_frees_money_above_but_not_what_is_granted_on(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "100")
    budget = approve(search, "60")
    approve(ranker, "40")

    with pytest.raises(InsufficientFunds, match=r"20\.00 USD that is not granted"):
        give_back(budget_id=budget.pk, amount=Decimal(21), actor=finance, reason="less", at=AT)
    give_back(budget_id=budget.pk, amount=Decimal(20), actor=finance, reason="less", at=AT)

    assert (account_of(search).funded, account_of(acme).granted_out) == (Decimal(40), Decimal(40))


def test_a_new_version_grants_or_returns_the_difference_and_keeps_the_account(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "200")
    first = approve(search, "100")
    use(search, "30")
    grant_more(budget_id=first.pk, amount=Decimal(5), actor=finance, reason="once", at=AT)

    second = approve(search, "120")
    assert (account_of(search).funded, account_of(search).spent) == (Decimal(125), Decimal(30))
    third = approve(search, "90")

    account = account_of(search)
    assert (account.funded, account.budget_id, account_of(acme).granted_out) == (Decimal(95), third.pk, Decimal(95))
    versions = Budget.objects.filter(scope=search).order_by("pk").values_list("status", "supersedes")
    assert list(versions) == [("ended", None), ("ended", first.pk), ("approved", second.pk)]


def test_a_version_for_a_later_period_leaves_this_one_alone(search: Scope, approve: Propose) -> None:
    first = approve(search, "100")
    second = approve(search, "300", starts_on=date(2026, 12, 1))

    assert account_of(search).funded == Decimal(100)
    december = datetime(2026, 12, 15, tzinfo=UTC)
    open_periods(at=december)
    assert account_of(search, day=december.date()).budget_id == second.pk
    assert account_of(search, day=december.date()).funded == Decimal(300)
    first.refresh_from_db()
    assert (first.status, first.ends_on) == ("ended", date(2026, 12, 1))


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
    end_budget(budget_id=budget.pk, actor=finance, reason="a mistake", at=AT)

    again = approve(search, "50")

    assert (again.starts_on, account_of(search).period_start, account_of(search).spent) == (
        date(2026, 11, 24),
        date(2026, 11, 24),
        Decimal(0),
    )


def test_a_longer_period_cannot_be_funded_from_a_shorter_one(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, propose: Propose
) -> None:
    approve(search, "100", period="quarter")

    with pytest.raises(PeriodLongerThanParent, match="choose month or quarter"):
        propose(ranker, "10", period="year")
    with pytest.raises(PeriodLongerThanParent, match="choose quarter or longer"):
        propose(acme, "500", period="month")


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"amount": "0"}, "greater than zero"),
        ({"amount": "-1"}, "greater than zero"),
        ({"amount": "NaN"}, "greater than zero"),
        ({"amount": "0.0000000001"}, "nine decimal places"),
        ({"amount": "1e15"}, "15 digits"),
        ({"amount": "1.5", "unit": "tokens"}, "whole number"),
        ({"amount": "1", "unit": "euros"}, "Unknown unit"),
        ({"amount": "1", "period": "week"}, "Unknown period"),
        ({"amount": "1", "currency": "EUR"}, "counted in USD"),
        ({"amount": "1", "unit": "tokens", "currency": "USD"}, "has no currency"),
        ({"amount": "1", "starts_on": date(2026, 11, 2)}, "2026-11-01 or 2026-12-01"),
        ({"amount": "1", "ends_on": date(2026, 11, 1)}, "after today"),
        ({"amount": "1", "name": "a b"}, "no name"),
    ],
)
def test_terms_are_refused_with_a_sentence(
    search: Scope, author: Actor, terms: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DomainError, match=sentence):
        create_budget(scope=search, actor=author, at=AT, **{**terms, "amount": Decimal(terms["amount"])})

    assert Budget.objects.count() == 0


def test_every_step_is_recorded_and_marks_who_reads_it(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    DirtyScope.objects.all().delete()

    approve(search, "100")

    assert set(DirtyScope.objects.values_list("scope", flat=True)) == {acme.pk, search.pk, ranker.pk}
    recorded = DecisionRecord.objects.filter(action__startswith="budget.").order_by("seq")
    assert list(recorded.values_list("action", flat=True)) == ["budget.create", "budget.submit", "budget.approve"]
    assert recorded.last().evidence["amount"] == "100"

"""Budgets by an organisation's own year: what is proposed, opened, and refused while years differ."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budgets.approvals.operations import submit_budget
from budgets.ledger.models import Account
from budgets.ledger.operations import open_periods
from budgets.plans.models import Budget
from governance.errors import Invalid
from governance.organisations.operations import change_scope
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, end_by_two, use


def set_year(organisation: Scope, month: int) -> None:
    change_scope(scope_id=organisation.pk, changes={"fiscal_year_starts": month}, actor=SYSTEM, at=AT)


def periods() -> list[tuple[str, date | None, date | None]]:
    accounts = Account.objects.of_budgets().order_by("scope__path", "period_start")
    return list(accounts.values_list("scope__path", "period_start", "period_end"))


def test_years_and_quarters_count_from_the_month_that_the_organisation_says(
    acme: Scope, search: Scope, approve: Propose
) -> None:
    set_year(acme, 2)
    year = approve(acme, "1200", period="year")
    approve(search, "250", period="quarter")
    use(search, "7", on=date(2026, 11, 1))

    assert (year.starts_on, year.year_starts) == (date(2026, 2, 1), 2)
    assert periods() == [
        ("acme", date(2026, 2, 1), date(2027, 2, 1)),
        ("acme/search", date(2026, 11, 1), date(2027, 2, 1)),
    ]
    assert (account_of(acme).granted_out, account_of(search).spent) == (Decimal(250), Decimal(7))
    assert DecisionRecord.objects.filter(action="budget.approve").first().evidence["year_starts"] == 2

    open_periods(at=datetime(2027, 1, 31, 12, tzinfo=UTC))
    assert [row[1] for row in periods()] == [date(2026, 2, 1), date(2027, 2, 1), date(2026, 11, 1), date(2027, 2, 1)]


def test_a_start_within_the_fiscal_quarter_is_refused_with_its_days(
    acme: Scope, search: Scope, propose: Propose
) -> None:
    set_year(acme, 2)
    with pytest.raises(Invalid, match="first day of a quarter: 2026-11-01 or 2027-02-01, not 2027-01-01"):
        propose(search, "10", period="quarter", starts_on=date(2027, 1, 1))


def test_what_was_approved_keeps_its_year_when_the_organisation_has_another(
    acme: Scope, search: Scope, approve: Propose, propose: Propose, author: Actor, finance: Actor
) -> None:
    year = approve(acme, "1200", period="year")
    set_year(acme, 4)
    open_periods(at=datetime(2026, 12, 31, 12, tzinfo=UTC))
    assert periods() == [("acme", date(2026, 1, 1), date(2027, 1, 1)), ("acme", date(2027, 1, 1), date(2028, 1, 1))]

    # A quarter lies within the year that starts in January as well; a year does not, and neither does a new version.
    approve(search, "30", period="quarter")
    with pytest.raises(Invalid, match="whose year starts in January, and the fiscal year now starts in April"):
        propose(acme, "1500", period="year")
    end_by_two(budget_id=year.pk, actor=finance, reason="the new year", at=AT)
    draft = Budget.objects.get(status="draft")
    assert submit_budget(budget_id=draft.pk, actor=author, at=AT).status == "submitted"


def test_a_year_that_a_budget_below_would_cross_is_refused(
    acme: Scope, search: Scope, approve: Propose, propose: Propose
) -> None:
    approve(search, "30", period="quarter")
    set_year(acme, 2)
    with pytest.raises(Invalid) as refused:
        propose(acme, "1500", period="year")
    assert refused.value.code == "fiscal_year_differs"
    assert Account.objects.filter(scope=acme, kind="budget").count() == 0


@pytest.mark.parametrize("month", [0, 13, "4", None])
def test_a_fiscal_year_starts_in_a_month(acme: Scope, month: object) -> None:
    with pytest.raises(Invalid) as refused:
        change_scope(scope_id=acme.pk, changes={"fiscal_year_starts": month}, actor=SYSTEM, at=AT)
    assert refused.value.code == "fiscal_year_invalid"


def test_only_an_organisation_has_a_fiscal_year(search: Scope) -> None:
    with pytest.raises(Invalid, match="stands at the organisation"):
        change_scope(scope_id=search.pk, changes={"fiscal_year_starts": 4}, actor=SYSTEM, at=AT)

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budgets.approvals.operations import Wish, grant_as_asked, raise_as_asked
from budgets.ledger.operations import open_periods
from budgets.plans.errors import FourEyes, InsufficientFunds
from budgets.plans.models import Budget
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, person

LAST_DAY = datetime(2026, 11, 30, 12, tzinfo=UTC)


def wish(actor: Actor) -> Wish:
    return Wish(actor.user, AT, "The launch.", "request 1", {"quota_request": 1})


def raised(scope: Scope, by: Actor, actor: Actor, *, at: datetime = AT, until: date | None = None) -> Budget:
    return raise_as_asked(
        scope=scope, unit="money", period="month", amount=Decimal(50), starts_on=date(2026, 11, 1), ends_on=until,
        wish=wish(by), actor=actor, reason="It pays.", at=at,
    )  # fmt: skip


def versions(scope: Scope) -> list[tuple[Decimal, date, date | None, str]]:
    rows = Budget.objects.filter(scope=scope).order_by("starts_on", "pk")
    return [(each.amount, each.starts_on, each.ends_on, each.status) for each in rows]


def test_periods_that_opened_ahead_follow_the_version_that_covers_them(
    search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(search, "100")
    open_periods(at=LAST_DAY)
    developer = person("dev@example.com", search, "engineering", "")

    more = raised(search, developer, finance, at=LAST_DAY, until=date(2026, 12, 1))

    november, december = account_of(search), account_of(search, day=date(2026, 12, 1))
    assert (november.budget, november.funded) == (more, Decimal(150))
    assert (december.budget.starts_on, december.funded) == (date(2026, 12, 1), Decimal(100))
    assert versions(search) == [
        (Decimal(100), date(2026, 11, 1), date(2026, 11, 1), "ended"),
        (Decimal(150), date(2026, 11, 1), date(2026, 12, 1), "approved"),
        (Decimal(100), date(2026, 12, 1), None, "approved"),
    ]


def test_what_is_planned_for_later_stays(search: Scope, approve: Propose, finance: Actor) -> None:
    approve(search, "100")
    approve(search, "400", starts_on=date(2027, 1, 1))
    raised(search, person("dev@example.com", search, "engineering", ""), finance)
    assert versions(search)[1:] == [
        (Decimal(150), date(2026, 11, 1), date(2027, 1, 1), "approved"),
        (Decimal(400), date(2027, 1, 1), None, "approved"),
    ]


def test_it_takes_two_and_the_money_above(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, author: Actor
) -> None:
    approve(acme, "120")
    budget = approve(search, "100")
    developer = person("dev@example.com", search, "engineering", "")
    author.user.is_superuser = developer.user.is_superuser = True
    for actor in (author, developer):
        with pytest.raises(FourEyes):
            raised(search, developer, actor)
        with pytest.raises(FourEyes):
            grant_as_asked(budget_id=budget.pk, amount=Decimal(1), wish=wish(developer), actor=actor, reason="1", at=AT)
    with pytest.raises(InsufficientFunds):
        raised(search, developer, finance)
    assert (account_of(search).funded, len(versions(search))) == (Decimal(100), 1)

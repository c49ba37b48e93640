from datetime import date
from decimal import Decimal

from budgets.requests.queries import budget_charged, budgets_raised, money_above
from governance.scopes.models import Scope
from tests.budgets.conftest import TODAY, Propose, use
from tests.budgets.requests.conftest import Asks


def test_a_request_raises_what_is_charged_or_for_longer_its_own(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, asks: Asks
) -> None:
    approve(acme, "1000")
    now, later = approve(search, "100"), approve(search, "400", starts_on=date(2027, 1, 1))
    period, standing = asks(ranker, "5"), asks(ranker, "5", term="standing")
    dated = asks(search, "5", term="dates", starts_on=date(2027, 1, 1), ends_on=date(2027, 2, 1))

    assert budgets_raised([period, standing, dated], day=TODAY) == {period.pk: now, dated.pk: later}
    assert budgets_raised([period], day=date(2027, 1, 1)) == {period.pk: later}
    assert budgets_raised([], day=TODAY) == {}
    assert budget_charged(ranker.pk, "money", day=TODAY) == now
    assert budget_charged(ranker.pk, "tokens", day=TODAY) is None


def test_what_lies_above_has_what_is_neither_spent_nor_granted_on(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    approve(ranker, "30")
    use(search, "80")
    above = money_above(ranker.pk, "money", day=TODAY)
    assert [(each.account.scope, each.available) for each in above] == [(search, Decimal(0)), (acme, Decimal(900))]
    assert money_above(acme.pk, "money", day=TODAY) == []

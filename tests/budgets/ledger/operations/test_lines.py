from decimal import Decimal

import pytest

from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.engine.lines import Line
from budgets.ledger.models import WatchedLine
from budgets.ledger.operations import post_usage, watch_lines
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, TODAY, Propose

pytestmark = pytest.mark.django_db


def posted(cost: str, scope: Scope) -> set[int]:
    return post_usage(postings=[UsagePosting(scope.pk, TODAY, Decimal(cost), 0, 1, Decimal(0))], at=AT)


def test_a_charge_tells_of_watched_lines_alone(search: Scope, approve: Propose) -> None:
    approve(search, "200")
    assert watch_lines([Line("money", Decimal("0.75")), Line("money", Decimal(1), Decimal(-10))])
    assert posted("100", search) == set(), "half of it"
    assert posted("49.99", search) == set()
    assert posted("0.01", search) == {search.pk}, "at 150"
    assert posted("0.01", search) == {search.pk}, "on from the line, for what must be above it"
    assert posted("39.98", search) == set()
    assert posted("1", search) == {search.pk}, "10 left"
    assert posted("50", search) == set(), "nobody watches the end"


def test_lines_of_another_unit_are_not_its_own(search: Scope, approve: Propose) -> None:
    approve(search, "100")
    watch_lines([Line("tokens", Decimal("0.5"))])
    assert posted("80", search) == set()


def test_without_a_line_every_whole_per_cent_is_one(search: Scope, approve: Propose) -> None:
    approve(search, "100")
    watch_lines([Line("money", Decimal("0.5"))])
    assert posted("1", search) == set()
    watch_lines([])
    assert posted("1", search) == {search.pk}


def test_watching_says_whether_it_changed_anything() -> None:
    half, all_of_it = Line("money", Decimal("0.5")), Line("tokens", Decimal(1))
    assert watch_lines({half, all_of_it})
    kept = WatchedLine.objects.get(unit="money").pk
    assert not watch_lines([all_of_it, half])
    assert watch_lines([half])
    assert list(WatchedLine.objects.values_list("pk", "unit", "share")) == [(kept, "money", Decimal("0.5"))]

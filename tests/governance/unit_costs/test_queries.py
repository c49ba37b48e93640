from datetime import date
from decimal import Decimal

from governance.scopes.models import Scope
from governance.unit_costs.queries import unit_costs_in_force
from tests.governance.unit_costs.accepted import NOVEMBER, accept


def test_the_latest_version_that_covers_the_day_holds_and_the_nearest_scope_decides(
    acme: Scope, search: Scope, ranker: Scope
) -> None:
    key = ("successful_outcome", "ticket_resolved")
    of_all = accept(acme, amount=Decimal(9))
    own = accept(search)
    december = accept(search, amount=Decimal("0.40"), effective_from=date(2026, 12, 1), until=date(2027, 1, 1))
    held = [
        unit_costs_in_force(scope_id=scope.pk, on=on).get(key)
        for scope, on in (
            (ranker, date(2026, 10, 31)),
            (acme, NOVEMBER),
            (ranker, date(2026, 11, 30)),
            (ranker, date(2026, 12, 1)),
            (search, date(2027, 1, 1)),
        )
    ]
    assert held == [None, of_all, own, december, own]

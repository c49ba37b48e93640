from decimal import Decimal

from allocation.corrections.queries import corrected_records, cost_as_known
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import RULES, SEARCH, SINCE, UNTIL, apply_rules, preview, use
from tests.allocation.conftest import AT
from tests.allocation.corrections.reattributed import LATER, again, by_scope


def test_it_moves_again_from_where_it_stands(acme: Scope) -> None:
    use(acme, SEARCH)
    apply_rules()
    again()
    apply_rules(RULES.replace("{team: search}, scope: acme/search}", "{team: search}, scope: acme/ads}"))
    [move] = preview(None, organisation="acme").movements
    assert (move.from_scope, move.to_scope, move.used.records) == ("acme/search", "acme/ads", 1)
    again()
    assert by_scope() == {"acme/ads": (Decimal(1), 1, 0)}
    [standing] = corrected_records(list(UsageRecord.objects.all())).values()
    assert (standing.attribution, standing.cost) == ("acme:search", Decimal(1))


def test_figures_as_they_were_known_can_be_had_again(acme: Scope) -> None:
    use(acme, SEARCH)
    apply_rules()
    again()
    unattributed, search = (Scope.objects.get(path=f"acme/{name}").pk for name in ("unattributed", "search"))
    asked = {"scope_ids": [unattributed, search], "since": SINCE, "until": UNTIL}
    assert cost_as_known(**asked, known_at=AT) == {unattributed: Decimal(1), search: Decimal(0)}  # type: ignore[arg-type]
    assert cost_as_known(**asked, known_at=LATER) == {unattributed: Decimal(0), search: Decimal(1)}  # type: ignore[arg-type]

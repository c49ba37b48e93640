from decimal import Decimal

from allocation.coverage import queries
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import KEYED, SEARCH, SINCE, UNTIL, apply_rules, preview, use
from tests.allocation.conftest import SYSTEM
from tests.allocation.corrections.reattributed import again


def test_coverage_and_preview_see_what_has_moved(acme: Scope) -> None:
    use(acme, SEARCH, KEYED, {"cost": Decimal(2)})
    apply_rules()
    again()
    [one] = queries.attribution_coverage(actor=SYSTEM, since=SINCE, until=UNTIL, by="rule")
    assert [(part.name, part.coverage.used.records, part.coverage.used.cost) for part in one.parts] == [
        ("unattributed", 1, Decimal(2)), ("acme:key_alias ranker-7", 1, Decimal(1)), ("acme:search", 1, Decimal(1)),
    ]  # fmt: skip
    assert one.whole.cost_ratio == Decimal("0.5")
    assert preview(None, organisation="acme").moves.before.cost_ratio == Decimal("0.5")

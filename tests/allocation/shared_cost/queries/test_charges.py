from datetime import UTC, datetime

from allocation.shared_cost.queries import allocated_charges
from governance.scopes.models import Scope
from tests.allocation.sharing import DECEMBER_1, LICENCE, NOVEMBER, apply_split, run


def test_focus_reads_each_charge_with_what_drove_it(shared: Scope) -> None:
    apply_split(LICENCE)
    made = run(shared)
    lines = list(allocated_charges(shared.pk, NOVEMBER.start, NOVEMBER.end))
    assert sum(line.ratio for line in lines) == 2
    search = next(line for line in lines if (line.pool, line.target_scope) == ("platform-team", "acme/search"))
    assert search.method_details == ('{"Elements":[{"AllocatedRatio":0.75,"UsageUnit":"Tokens","UsageQuantity":3000}]}')
    assert (search.origin_scope, search.method_id, search.currency) == ("acme/platform", "platform-team@1", "USD")
    assert (search.period_start, search.period_end) == (datetime(2026, 11, 1, tzinfo=UTC), DECEMBER_1)
    assert (search.allocated_resource_id, search.allocated_resource_name, search.allocated_tags) == (
        "acme/search", "search", "{}",
    )  # fmt: skip
    assert (search.run_id, search.is_provisional, search.is_external) == (made.pk, True, False)
    assert list(allocated_charges(shared.pk, NOVEMBER.end, DECEMBER_1.date())) == []

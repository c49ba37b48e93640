"""A commitment costs its bill on every page, however its usage was booked and however it is shared."""

import io
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command

from allocation.commitments.queries import commitments_in, committed_differences
from allocation.focus.engine.check import check
from allocation.shared_cost.queries import fully_loaded, shared_cost
from allocation.unit_economics.queries import unit_costs_by_scope, unit_economics
from allocation.unit_economics.queries.figures import COST
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.allocation.conftest import SYSTEM
from tests.allocation.focus.exported import exported, rows_of
from tests.allocation.sharing import LICENCE, NODE, NOVEMBER, add_platform, apply_node, apply_split, run, use

D = Decimal
SINCE, UNTIL = date(2026, 11, 1), date(2026, 12, 1)
# 5,000 a month for 1,000 hours; the price book says 2.5 an hour.
BIG = NODE.replace('"1440.00"', '"5000.00"').replace("units_per_month: 720", "units_per_month: 1000")
OF_NODE = """
apiVersion: weir/v1
kind: SharedCostSplit
metadata: {{name: node-of-all}}
spec:
  organisation: acme
  effective_from: 2026-01-01
  pool: {{source: commitment, commitment: node, part: {part}, held_by: acme/platform}}
  recipients: {{scopes: [acme/search, acme/ads]}}
  method: {{how: even}}
  when_zero: keep_in_pool
  departed: redistribute
"""


@pytest.fixture
def committed(acme: Scope) -> Scope:
    """1,000 hours used by two teams, booked at 2,500, and a call of 3 beside them."""
    add_platform(acme)
    apply_node(BIG)
    for path, hours, day in (("acme/search", 600, 3), ("acme/search", 100, 9), ("acme/ads", 300, 9)):
        use(
            acme, path, str(D(hours) * D("2.5")), provider="self", model="llama", gpu_seconds=D(hours * 3600),
            occurred_at=f"2026-11-{day:02}T10:00:00Z", operation="training" if day == 3 else "chat",
        )  # fmt: skip
    use(acme, "acme/ads", "3", 100)
    return acme


def by_sub_account(root: Scope, since: date = SINCE) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(exported(root, "1.4", since))]
    assert list(check("1.4", rows)) == []
    for row in rows:
        sums[row["SubAccountId"] or root.path] += D(row["EffectiveCost"] or 0)
    return {path: cost for path, cost in sums.items() if cost}


def loaded(root: Scope) -> dict[str, Decimal]:
    paths = scope_tree().by_id
    return {
        paths[scope_id].path: cost.total for scope_id, cost in fully_loaded(root.pk, NOVEMBER).items() if cost.total
    }


def test_its_bill_is_the_cost_of_who_used_it(committed: Scope) -> None:
    assert loaded(committed) == by_sub_account(committed) == {"acme/search": 3500, "acme/ads": 1503}
    figures = unit_economics(scope_id=committed.pk, since=SINCE, until=UNTIL)
    [month] = commitments_in(committed.pk, NOVEMBER)
    assert (figures.cost, month.amount) == (5003, 5000)
    hour = figures.figure("gpu_hour").ratio
    assert (hour.value, hour.numerator) == (month.cost_per_useful_unit, month.amount) == (5, 5000)
    of_scopes = unit_costs_by_scope(roots=[committed.pk], since=SINCE, until=UNTIL)
    assert of_scopes[committed.pk][COST].value == 5003
    assert of_scopes[Scope.objects.get(path="acme/search").pk][COST].value == 3500


@pytest.mark.parametrize("hours", ["0.1", "123.456789", "719.999"])
def test_what_nobody_used_is_the_organisations(acme: Scope, hours: str) -> None:
    apply_node(BIG)
    use(
        acme, "acme/search", "77.123456789", provider="self", model="llama",
        gpu_seconds=(D(hours) * 3600).quantize(D("0.000001")),
    )  # fmt: skip
    assert loaded(acme) == by_sub_account(acme)
    assert sum(loaded(acme).values()) == 5000
    figures = unit_economics(scope_id=acme.pk, since=SINCE, until=UNTIL, trend="day")
    assert figures.cost == 5000
    # Days sum to the month, each with its part of the bill.
    days = [part.cost for part in committed_differences(acme.pk, SINCE, UNTIL)]
    each = [(date(2026, 11, day), date(2026, 11, day + 1) if day < 30 else UNTIL) for day in range(1, 31)]
    parts = [part.cost for since, until in each for part in committed_differences(acme.pk, since, until)]
    assert sum(days) == sum(parts) == 5000 - D("77.123456789")


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        # Who used it pays what was booked; the rest is shared evenly.
        ("idle", {"acme/search": 1750 + 1250, "acme/ads": 753 + 1250}),
        # Nobody pays for the use alone: all of it is shared evenly, and nothing twice.
        ("whole", {"acme/search": 2500, "acme/ads": 2503}),
    ],
)
def test_a_shared_commitment_is_its_bill_once(committed: Scope, part: str, wanted: dict[str, Decimal]) -> None:
    apply_split(OF_NODE.format(part=part))
    run(committed)
    assert loaded(committed) == by_sub_account(committed) == wanted
    whole = shared_cost(actor=SYSTEM, scope_id=committed.pk, month=NOVEMBER)
    assert whole.fully_loaded == 5003
    out = io.StringIO()
    call_command("allocation", "show", "--organisation", "acme", "--month", "2026-11", stdout=out)
    assert out.getvalue().splitlines()[-1].split() == (
        ["2,503.00", *{"idle": ["0.00", "2,500.00"], "whole": ["-2,500.00", "5,000.00"]}[part], *shared(part), "total"]
    )


def shared(part: str) -> list[str]:
    amount = {"idle": "2,500.00", "whole": "5,000.00"}[part]
    return [amount, amount, "5,003.00"]


def test_other_pools_stay_beside_it(committed: Scope) -> None:
    use(committed, "acme/platform", "40")
    apply_split(LICENCE)
    apply_split(OF_NODE.format(part="idle"))
    run(committed)
    assert loaded(committed) == by_sub_account(committed)
    assert sum(loaded(committed).values()) == 5003 + 40 + 100

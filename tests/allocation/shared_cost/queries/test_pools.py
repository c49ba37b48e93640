"""Who bears how much: methods, recipients, those who left, pools that give to pools, metrics."""

from decimal import Decimal
from typing import Any

import pytest

from allocation.meters.engine.months import Month
from allocation.shared_cost import operations, queries
from allocation.shared_cost.models import AllocatedCharge, SharedCostSplit, SharedPool
from allocation.shared_cost.operations import NothingToSplit
from allocation.usage.models import UsageDay
from governance.errors import DomainError
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.sharing import (
    AMOUNT,
    BY_TOKENS,
    DECEMBER_1,
    LICENCE,
    LISTED,
    NOVEMBER,
    OCTOBER,
    OF_NODE,
    RECIPIENTS,
    SPLIT,
    apply_node,
    apply_split,
    charges,
    run,
    use,
)

D = Decimal


THIRD, MORE = D("13.333333333"), D("13.333333334")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param(
            {BY_TOKENS: "{how: proportional, to: cost}"},
            {
                "acme/ads": ("0.142857142857", "5.714285714", "2"),
                "acme/search": ("0.857142857143", "34.285714286", "12"),
            },
            id="by cost",
        ),
        pytest.param(
            {BY_TOKENS: "{how: fixed, percent: {acme/search: 33.4, acme/ads: 66.6}}"},
            {"acme/ads": ("0.666", "26.64", "66.6"), "acme/search": ("0.334", "13.36", "33.4")},
            id="by fixed percentages",
        ),
        pytest.param(
            {LISTED: "[acme/search, acme/search/ranker, acme/ads]"},
            {
                "acme/ads": ("0.25", "10", "1000"), "acme/search": ("0.5", "20", "2000"),
                "acme/search/ranker": ("0.25", "10", "1000"),
            },
            id="usage counts for the nearest recipient",
        ),
        pytest.param(
            {LISTED: "[acme, acme/ads]"},
            {"acme": ("0.75", "30", "3000"), "acme/ads": ("0.25", "10", "1000")},
            id="the pool's own usage counts for nobody",
        ),
        pytest.param(
            {RECIPIENTS: "{matching: {below: acme, kinds: [team]}}"},
            {"acme/ads": ("0.25", "10", "1000"), "acme/search": ("0.75", "30", "3000")},
            id="every team but the pool",
        ),
        pytest.param(
            {RECIPIENTS: "{matching: {below: acme, kinds: [team, workload], exclude: [acme/ads]}}"},
            {"acme/search": ("0.666666666667", "26.666666667", "2000"),
             "acme/search/ranker": ("0.333333333333", "13.333333333", "1000")},
            id="kinds, without the excluded",
        ),
    ],
)  # fmt: skip
def test_methods_and_recipients(
    shared: Scope, changes: dict[str, str], wanted: dict[str, tuple[str, str, str]]
) -> None:
    text = SPLIT
    for before, after in changes.items():
        text = text.replace(before, after)
    apply_split(text)
    assert charges(run(shared)) == {path: (*map(D, figures), "") for path, figures in wanted.items()}


@pytest.mark.parametrize(
    ("departed", "wanted"),
    [
        ("redistribute", {"acme/ads": (D("0.25"), 10, 1000, ""), "acme/search": (D("0.75"), 30, 3000, "")}),
        ("keep_in_pool", {"acme/ads": (D("0.25"), 10, 1000, ""), "acme/search": (D("0.75"), 30, 3000, "")}),
    ],
)
def test_one_that_is_gone_without_usage_leaves_nothing(shared: Scope, departed: str, wanted: dict[str, Any]) -> None:
    gone = "[acme/search, acme/ads, {scope: acme/gone, until: 2026-11-10}]"
    apply_split(SPLIT.replace(LISTED, gone).replace("redistribute", departed))
    found = charges(run(shared))
    assert found.pop("acme/platform") == (0, 0, 0, f"departed: {departed}")
    assert found == wanted


@pytest.mark.parametrize(
    ("departed", "bears"),
    [
        ("redistribute", {"acme/ads": 20, "acme/search": 20, "acme/platform": 0}),
        ("keep_in_pool", {"acme/ads": MORE, "acme/search": THIRD, "acme/platform": THIRD}),
        ("to_parent", {"acme/ads": MORE, "acme/search": THIRD, "acme": THIRD}),
    ],
)  # fmt: skip
def test_who_left_in_the_month_is_treated_by_the_named_rule(
    shared: Scope, departed: str, bears: dict[str, Decimal]
) -> None:
    create_scope(slug="labs", kind="team", parent=shared, actor=SYSTEM, at=AT)
    listed = "[acme/search, acme/ads, {scope: acme/labs, until: 2026-11-15}]"
    text = SPLIT.replace(LISTED, listed).replace("redistribute", departed)
    apply_split(text.replace(BY_TOKENS, "{how: even}"))
    made = run(shared)
    assert {path: figures[1] for path, figures in charges(made).items()} == bears
    assert AllocatedCharge.objects.get(run=made, recipient="acme/labs").rule == f"departed: {departed}"


def test_a_new_version_holds_from_its_first_month_on(shared: Scope) -> None:
    use(shared, "acme/platform", "6", occurred_at="2026-10-05T00:00:00Z")
    use(shared, "acme/search", "1", 1, occurred_at="2026-10-05T00:00:00Z")
    even = SPLIT.replace(BY_TOKENS, "{how: even}")
    assert apply_split(even.replace("2026-01-01", "2026-11-01")).action == "update"
    assert {path: figures[1] for path, figures in charges(run(shared)).items()} == {"acme/ads": 20, "acme/search": 20}
    october = run(shared, OCTOBER)
    assert {path: figures[1] for path, figures in charges(october).items()} == {"acme/ads": 0, "acme/search": 6}
    assert october.status == "final"
    ended = even.replace("2026-01-01", "2026-11-01").replace("  pool:", "  effective_to: 2026-12-01\n  pool:")
    apply_split(ended)
    with pytest.raises(NothingToSplit):
        run(shared, Month(2026, 12), at=DECEMBER_1)
    assert SharedCostSplit.objects.count() == 3


def test_a_gateway_used_by_the_platform_steps_down_through_it(shared: Scope) -> None:
    create_scope(slug="proxy", kind="team", parent=shared, actor=SYSTEM, at=AT)
    use(shared, "acme/proxy", "20")
    text = SPLIT.replace("platform-team", "proxy").replace("scope: acme/platform", "scope: acme/proxy")
    apply_split(text.replace(LISTED, "[acme/platform, acme/ads]").replace("to: tokens", "to: requests"))
    run(shared)
    pools = SharedPool.objects.order_by("position").values_list("split__name", "own_amount", "received_amount")
    # The platform made two calls, ads one.
    assert list(pools) == [("proxy", 20, 0), ("platform-team", 40, D("13.333333333"))]
    loaded = queries.fully_loaded(shared.pk, NOVEMBER)
    assert sum(one.total for one in loaded.values()) == sum(UsageDay.objects.values_list("cost", flat=True)) == 74


def test_idle_capacity_is_what_the_reservation_costs_beyond_the_hours_used(shared: Scope) -> None:
    apply_node()
    idle = LICENCE.replace(AMOUNT, OF_NODE)
    apply_split(idle.replace("licence", "idle-gpu"))
    # 540 of 720 hours, booked at 2 dollars an hour.
    use(shared, "acme/search", "1080", provider="self", model="llama", gpu_seconds=D(540 * 3600))
    run(shared)
    pool = SharedPool.objects.get(split__name="idle-gpu")
    assert (pool.own_amount, pool.is_external) == (360, True)
    assert sum(one.total for one in queries.fully_loaded(shared.pk, NOVEMBER).values()) == 54 + 1440
    with pytest.raises(DomainError, match="idle-gpu shares node already"):
        apply_split(idle.replace("licence", "twice"))


def test_a_metric_drives_the_split(shared: Scope) -> None:
    values = [
        {"id": "1", "source": "hr", "metric": "seats", "scope": "acme/search", "on": "2026-11-01", "value": 3},
        {"id": "2", "source": "hr", "metric": "seats", "scope": "acme/search/ranker", "on": "2026-11-02", "value": "1"},
        {"id": "3", "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-11-01", "value": 9},
        {"id": "4", "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-11-02", "value": 4},
        {"id": "5", "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-10-31", "value": 99},
    ]
    assert operations.record_metrics(values=values, authority=shared, at=AT).accepted == 5
    apply_split(SPLIT.replace(BY_TOKENS, "{how: by_metric, metric: seats, aggregate: latest}"))
    assert charges(run(shared)) == {"acme/ads": (D("0.5"), 20, 4, ""), "acme/search": (D("0.5"), 20, 4, "")}
    apply_split(SPLIT.replace(BY_TOKENS, "{how: by_metric, metric: seats}"))
    assert {path: one[2] for path, one in charges(run(shared)).items()} == {"acme/ads": 13, "acme/search": 4}

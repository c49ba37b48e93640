"""What moves, and how much is attributed: sums that add up whatever the order."""

import random
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allocation.attribution.documents import condition
from allocation.attribution.engine import Matcher, PlainCall, Rule
from allocation.coverage.engine.coverage import AttributedShare, UsageTotals, total
from allocation.coverage.engine.coverage_chart import coverage_chart
from allocation.coverage.engine.moves import RecordGroup, proposed_moves

ON = date(2026, 11, 24)


NOBODY = 9


MATCHER = Matcher(
    (
        Rule("a", (("team", "a*"),), 1),
        Rule("b", (), 2, condition=condition('model == "o3"')),
        Rule("late", (("team", "l"),), 3, effective_from=ON + timedelta(1)),
    )
)


GROUPS = st.lists(
    st.builds(
        RecordGroup,
        scope_id=st.sampled_from([1, 2, 3, NOBODY]),
        named_scope=st.booleans(),
        call=st.builds(
            PlainCall,
            model=st.sampled_from(["o3", "gpt-4o"]),
            attributes=st.dictionaries(st.just("team"), st.sampled_from(["a", "ab", "l", ""])),
        ),
        day=st.sampled_from([ON, ON + timedelta(1)]),
        used=st.builds(
            UsageTotals,
            records=st.integers(1, 9),
            requests=st.integers(1, 10**6),
            tokens=st.integers(0, 10**12),
            cost=st.decimals(0, 10**9, places=9),
        ),
    ),
    max_size=25,
)


@given(GROUPS, st.integers())
def test_sums_add_up_in_any_order(groups: list[RecordGroup], seed: int) -> None:
    found = proposed_moves(groups, MATCHER, unattributed_id=NOBODY)
    shuffled = list(groups)
    random.Random(seed).shuffle(shuffled)
    assert proposed_moves(shuffled, MATCHER, unattributed_id=NOBODY) == found
    assert found.used == found.before.used == found.after.used == total(group.used for group in groups)
    assert total(found.by_label.values()) == found.used
    assert total(one.used for one in found.movements) == found.moved
    gained = found.after.attributed.cost - found.before.attributed.cost
    assert gained == found.newly_attributed.cost - found.newly_unattributed.cost
    assert all(one.from_id != one.to_id for one in found.movements)


@given(GROUPS)
def test_what_has_moved_does_not_move_again(groups: list[RecordGroup]) -> None:
    placed = [
        RecordGroup(
            group.scope_id if group.named_scope else found.scope_id if found else NOBODY,
            named_scope=group.named_scope, call=group.call, day=group.day, used=group.used,
        )
        for group in groups
        for found in (MATCHER.first_match(group.call, group.day),)
    ]  # fmt: skip
    assert proposed_moves(placed, MATCHER, unattributed_id=NOBODY).movements == ()


def test_the_chart_says_what_it_shows() -> None:
    days = [ON - timedelta(1), ON]
    half = AttributedShare(UsageTotals(cost=Decimal(4)), UsageTotals(cost=Decimal(2)))
    chart = coverage_chart(by_day={ON: half}, days=days, currency="USD")
    assert [(day.attributed, day.rest, day.description) for day in chart.days] == [
        ("0.0", "0.0", "Mon 2026-11-23: no cost"),
        ("88.0", "88.0", "Tue 2026-11-24: 50.0 % of 4.00 USD attributed"),
    ]
    assert chart.summary == "2026-11-23 to 2026-11-24: 50.0 % of 4.00 USD attributed."
    assert [mark.name for mark in chart.marks] == ["crawl", "run"]

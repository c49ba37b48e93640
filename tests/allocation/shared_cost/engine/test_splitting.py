"""Splitting one amount: cases with a sentence each, and the laws that hold for all."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.shared_cost.engine.splitting import NothingToSplitBy, Recipient, Share, split

D = Decimal


NANO = D("0.000000001")


def people(**quantities: str | int) -> list[Recipient]:
    return [Recipient(path, D(quantity)) for path, quantity in quantities.items()]


def parts(shares: tuple[Share, ...]) -> dict[str, tuple[str, str, str, str]]:
    return {one.recipient: (one.target, f"{one.ratio:f}", f"{one.amount:f}", one.rule) for one in shares}


GONE = Recipient("c", D(1), is_departed=True, heir="top")


@pytest.mark.parametrize(
    ("amount", "recipients", "rules", "wanted"),
    [
        pytest.param(
            "100", people(a=1, b=3), {},
            {"a": ("a", "0.250000000000", "25.000000000", ""), "b": ("b", "0.750000000000", "75.000000000", "")},
            id="by weight",
        ),
        pytest.param(
            "0.000000002", people(c=1, b=1, a=1), {},
            {
                "a": ("a", "0.333333333334", "0.000000001", ""), "b": ("b", "0.333333333333", "0.000000001", ""),
                "c": ("c", "0.333333333333", "0.000000000", ""),
            },
            id="what is left over goes to the first path among equals",
        ),
        pytest.param(
            "-1", people(a=1, b=2), {},
            {"a": ("a", "0.333333333333", "-0.333333333", ""), "b": ("b", "0.666666666667", "-0.666666667", "")},
            id="a correction splits as its opposite does",
        ),
        pytest.param(
            "10", people(a=0, b=2), {},
            {"a": ("a", "0", "0", ""), "b": ("b", "1", "10", "")},
            id="nobody vanishes: a zero weight bears nothing and is named",
        ),
        pytest.param(
            "10", people(a=0, b=0), {"when_zero": "even"},
            {"a": ("a", "0.5", "5", "when_zero: even"), "b": ("b", "0.5", "5", "when_zero: even")},
            id="nobody used anything: evenly",
        ),
        pytest.param(
            "10", people(a=0), {"when_zero": "keep_in_pool"},
            {"": ("", "1", "10", "when_zero: keep_in_pool"), "a": ("a", "0", "0", "")},
            id="nobody used anything: the pool keeps it",
        ),
        pytest.param(
            "10", [], {"when_zero": "even"},
            {"": ("", "1", "10", "nobody to share to: kept in the pool")},
            id="nobody is there",
        ),
        pytest.param(
            "10", people(a=-5, b=5), {},
            {"a": ("a", "0", "0", "usage below zero: counts as none"), "b": ("b", "1", "10", "")},
            id="corrections beyond the usage weigh nothing",
        ),
        pytest.param(
            "9", [*people(a=1, b=1), GONE], {"departed": "redistribute"},
            {
                "a": ("a", "0.5", "4.5", ""), "b": ("b", "0.5", "4.5", ""),
                "c": ("", "0", "0", "departed: redistribute"),
            },
            id="the departed one's part goes to the others",
        ),
        pytest.param(
            "9", [*people(a=1, b=1), GONE], {"departed": "keep_in_pool"},
            {
                "a": ("a", "0.333333333334", "3", ""), "b": ("b", "0.333333333333", "3", ""),
                "c": ("", "0.333333333333", "3", "departed: keep_in_pool"),
            },
            id="the departed one's part stays in the pool",
        ),
        pytest.param(
            "9", [*people(a=1, b=1), GONE], {"departed": "to_parent"},
            {
                "a": ("a", "0.333333333334", "3", ""), "b": ("b", "0.333333333333", "3", ""),
                "c": ("top", "0.333333333333", "3", "departed: to_parent"),
            },
            id="the departed one's part goes to its parent",
        ),
        pytest.param(
            "9", [GONE], {"departed": "redistribute", "when_zero": "even"},
            {"": ("", "1", "9", "nobody to share to: kept in the pool"), "c": ("", "0", "0", "departed: redistribute")},
            id="all have departed",
        ),
    ],
)  # fmt: skip
def test_an_amount_is_split(
    amount: str, recipients: list[Recipient], rules: dict[str, Any], wanted: dict[str, tuple[str, ...]]
) -> None:
    shares = split(D(amount), recipients, **{"when_zero": "fail", "departed": "redistribute", **rules})
    assert {path: (one[0], D(one[1]), D(one[2]), one[3]) for path, one in parts(shares).items()} == {
        path: (one[0], D(one[1]), D(one[2]), one[3]) for path, one in wanted.items()
    }


@pytest.mark.parametrize("recipients", [[], people(a=0, b=0)])
def test_zero_may_be_declared_a_failure(recipients: list[Recipient]) -> None:
    with pytest.raises(NothingToSplitBy):
        split(D(1), recipients, when_zero="fail", departed="redistribute")


amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=9)


quantities = st.decimals(min_value=0, max_value=10**12, places=9)


crowds = st.dictionaries(st.text("abcdef/", min_size=1, max_size=6), st.tuples(quantities, st.booleans()), max_size=12)


WHEN_ZERO = st.sampled_from(["even", "keep_in_pool"])


DEPARTED = st.sampled_from(["redistribute", "keep_in_pool", "to_parent"])


def crowd(drawn: dict[str, tuple[Decimal, bool]]) -> list[Recipient]:
    return [Recipient(path, quantity, gone, "top" if gone else "") for path, (quantity, gone) in drawn.items()]


@given(amounts, crowds, WHEN_ZERO, DEPARTED)
def test_parts_sum_to_the_whole_and_ratios_to_one(amount: Decimal, drawn: Any, when_zero: Any, departed: Any) -> None:
    shares = split(amount, crowd(drawn), when_zero=when_zero, departed=departed)
    assert sum(one.amount for one in shares) == amount
    assert sum(one.ratio for one in shares) == 1
    assert {one.recipient for one in shares} - {""} == set(drawn)
    assert all(one.amount * amount >= 0 and 0 <= one.ratio <= 1 for one in shares)


@given(amounts, crowds, WHEN_ZERO, DEPARTED, st.randoms())
def test_the_order_of_recipients_does_not_matter(
    amount: Decimal, drawn: Any, when_zero: Any, departed: Any, random: Any
) -> None:
    one_way = crowd(drawn)
    other_way = random.sample(one_way, len(one_way))
    rules = {"when_zero": when_zero, "departed": departed}
    assert split(amount, one_way, **rules) == split(amount, other_way, **rules)


@given(amounts, crowds, WHEN_ZERO, DEPARTED)
def test_a_correction_is_the_opposite_of_what_it_corrects(
    amount: Decimal, drawn: Any, when_zero: Any, departed: Any
) -> None:
    rules = {"when_zero": when_zero, "departed": departed}
    there, back = split(amount, crowd(drawn), **rules), split(-amount, crowd(drawn), **rules)
    assert all(one.amount + other.amount == 0 for one, other in zip(there, back, strict=True))

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.meters.engine.apportion import apportion


@given(
    whole=st.integers(-(10**18), 10**18),
    weights=st.lists(st.integers(0, 10**15), min_size=1, max_size=30).filter(any),
)
def test_parts_sum_to_the_whole_and_none_is_off_by_one(whole: int, weights: list[int]) -> None:
    parts = apportion(whole, weights)
    total = sum(weights)
    assert sum(parts) == whole
    assert all(abs(part * total - whole * weight) < total for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 1]])
def test_without_a_proportion_nothing_is_split(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="no weight above zero"):
        apportion(10, weights)


weights = st.lists(st.integers(1, 10**15), min_size=1, max_size=10)


@given(st.integers(0, 10**18), weights)
def test_heavier_never_gets_less_and_nobody_is_a_unit_off(units: int, drawn: list[int]) -> None:
    got, total = apportion(units, drawn), sum(drawn)
    for part, weight in zip(got, drawn, strict=True):
        assert abs(part * total - units * weight) < total
        assert all(other <= part for other, lighter in zip(got, drawn, strict=True) if lighter < weight)


@given(st.integers(0, 10**18), weights, st.data(), st.integers(1, 10**15))
def test_who_grows_alone_never_gets_less(units: int, drawn: list[int], data: Any, more: int) -> None:
    who = data.draw(st.integers(0, len(drawn) - 1))
    grown = [weight + more * (place == who) for place, weight in enumerate(drawn)]
    assert apportion(units, grown)[who] >= apportion(units, drawn)[who]

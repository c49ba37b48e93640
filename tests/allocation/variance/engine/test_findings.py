"""What is worth a sentence, by scope and model."""

from dataclasses import replace
from fractions import Fraction

import pytest

from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.figures import CacheShare, Entry, Findings, UsageLine
from allocation.variance.engine.variance import variance_of
from tests.allocation.variance.engine.lines import NANO, line


def found(*lines: UsageLine) -> Findings:
    return variance_of(lines, ActivityCounts(), by_model=False, scope="acme/search").findings


def test_a_scope_without_use_before_is_one_entry_and_so_is_one_without_use_after() -> None:
    lines = [line("a", (0, 1), (0, 5)), line("b", (0, 2), (0, 3))]
    assert found(*lines).new == (Entry("acme/search", "", 8 * NANO),)
    back = [replace(each, used=each.used[::-1], cost=each.cost[::-1]) for each in lines]
    assert found(*back).ended == (Entry("acme/search", "", -8 * NANO),)


@pytest.mark.parametrize(
    ("cached", "wanted"),
    [
        pytest.param((80, 20), [CacheShare("acme/search", "a", Fraction(4, 5), Fraction(1, 5), 540 * NANO)], id="fell"),
        pytest.param(
            (20, 80), [CacheShare("acme/search", "a", Fraction(1, 5), Fraction(4, 5), -540 * NANO)], id="rose"
        ),
        pytest.param((80, 77), [], id="by less than five points"),
        pytest.param((0, 0), [], id="nothing was ever cached"),
    ],
)
def test_the_cached_share_of_input(cached: tuple[int, int], wanted: list[CacheShare]) -> None:
    plain = tuple(100 - tokens for tokens in cached)
    lines = [
        line("a", plain, tuple(10 * tokens for tokens in plain)),  # type: ignore[arg-type]  # a pair
        line("a", cached, cached, kind="cached_input"),
    ]
    assert list(found(*lines).cache) == wanted


def test_a_lower_price_of_what_is_used_less_is_no_jevons() -> None:
    [cheaper] = found(line("a", (100, 50), (100, 20))).cheaper
    assert (cheaper.grew, cheaper.is_jevons, cheaper.saved > 0) == (False, False, True)

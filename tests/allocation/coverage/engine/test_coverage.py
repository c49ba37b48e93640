from decimal import Decimal

import pytest

from allocation.coverage.engine.coverage import AttributedShare, UsageTotals, ratio


@pytest.mark.parametrize(
    ("attributed", "cost", "share", "maturity"),
    [
        pytest.param("0", "0", None, "unknown", id="no cost says nothing"),
        pytest.param("79.99", "100", "0.7999", "below_crawl", id="below crawl"),
        pytest.param("80", "100", "0.8", "crawl", id="crawl begins at 80 %"),
        pytest.param("89.99999999", "100", "0.899999", "crawl", id="rounded down: not yet run"),
        pytest.param("90", "100", "0.9", "run", id="run begins at 90 %"),
    ],
)
def test_maturity(attributed: str, cost: str, share: str | None, maturity: str) -> None:
    one = AttributedShare(UsageTotals(cost=Decimal(cost)), UsageTotals(cost=Decimal(attributed)))
    assert (one.cost_ratio, one.maturity) == (None if share is None else Decimal(share), maturity)


def test_a_ratio_of_nothing_is_none() -> None:
    assert ratio(Decimal(1), Decimal(0)) is None

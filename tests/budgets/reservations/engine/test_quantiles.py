from decimal import Decimal

import pytest

from budgets.reservations.engine.quantiles import percentile


@pytest.mark.parametrize(
    ("values", "percent", "wanted"),
    [
        ([7], 90, 7),
        (list(range(1, 11)), 90, 9),
        (list(range(1, 12)), 90, 10),
        (list(range(10, 0, -1)), 50, 5),
        ([1] * 90 + [100] * 10, 90, 1),
        ([1] * 89 + [100] * 11, 90, 100),
        ([3, 1, 2], 1, 1),
    ],
)
def test_a_percentile_is_a_value_that_occurred(values: list[int], percent: int, wanted: int) -> None:
    assert percentile([Decimal(value) for value in values], percent) == wanted

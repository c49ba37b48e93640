from decimal import Decimal

import pytest

from budgets.requests.engine.caps import Caps, left_for_emergencies


@pytest.mark.parametrize(
    ("caps", "in_period", "today", "left"),
    [
        (Caps(10, 5), "0", "0", "50"),
        (Caps(10, 5), "50", "0", "50"),
        (Caps(10, 5), "70", "0", "30"),
        (Caps(10, 5), "70", "45.5", "4.5"),
        (Caps(10, 5), "100", "0", "0"),
        (Caps(10, 5), "400", "400", "0"),
        (Caps(10, 0), "0", "0", "0"),
        (Caps(0, 5), "0", "0", "0"),
    ],
)
def test_the_smaller_of_both_caps_less_what_was_granted_is_left(
    caps: Caps, in_period: str, today: str, left: str
) -> None:
    found = left_for_emergencies(caps, Decimal(1000), in_period=Decimal(in_period), today=Decimal(today))
    assert found == Decimal(left)

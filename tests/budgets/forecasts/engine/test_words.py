"""What a person reads of a forecast."""

from datetime import date
from decimal import Decimal

import pytest

from budgets.forecasts.engine.running_out import Exhaustion
from budgets.forecasts.engine.words import sentences
from budgets.plans.engine.periods import Period

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))


@pytest.mark.parametrize(
    ("budgeted", "exhausted", "wanted"),
    [
        pytest.param(None, Exhaustion(), "", id="no budget"),
        pytest.param(
            "400", Exhaustion(),
            " That is 116.00 USD below the budget, which lasts in more than 90 of 100 cases.", id="it lasts",
        ),
        pytest.param(
            "290", Exhaustion(early=date(2026, 11, 29)),
            " That is 6.00 USD below the budget, which is spent by 2026-11-29 in 10 of 100 cases.", id="it may not",
        ),
        pytest.param(
            "245", Exhaustion(date(2026, 11, 26), date(2026, 11, 27), None),
            " That is 39.00 USD above the budget, which is spent on 2026-11-27 (from 2026-11-26 to the end of the"
            " period or later): ask for more, or use less.", id="it does not",
        ),
    ],
)  # fmt: skip
def test_the_amount_comes_first(budgeted: str | None, exhausted: Exhaustion, wanted: str) -> None:
    told = sentences(
        NOVEMBER, (Decimal(270), Decimal(284), Decimal(305)), unit="money", currency="USD",
        budgeted=None if budgeted is None else Decimal(budgeted), exhausted=exhausted,
        weights={"tokens_slow": 0.5, "slow_level": 0.3, "growth": 0.2},
    )  # fmt: skip
    assert told == (
        "284.00 USD expected by 2026-11-30, 270.00 USD to 305.00 USD in 80 of 100 cases."
        f"{wanted} It rests on the tokens of the last weeks at their latest price (50%) and the level of the last weeks"
        " (30%)."
    )

"""A commitment in one sentence: what lay unused, what a unit that was used costs, and what to do."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from allocation.commitments.engine.covered_months import commitment_months
from allocation.commitments.engine.words import sentence
from allocation.meters.engine.months import Month
from tests.allocation.commitments.engine.test_covered_months import committed, line

D = Decimal
NOVEMBER, DECEMBER_1, NOVEMBER_11 = Month(2026, 11), date(2026, 12, 1), date(2026, 11, 11)
TOKENS = {"kind": "provisioned_throughput", "unit": "token", "models": ("*",), "gpu_seconds": 0}


def told(hours: str, today: date = DECEMBER_1, **terms: Any) -> str:
    usage = [line(hours)] if hours != "0" else []
    [covered] = commitment_months([committed(**terms)], usage, NOVEMBER)
    return sentence(covered, "USD", today)


PAYS = "it is cheaper than on demand from 360.00 GPU hours on (50.0 %)"


@pytest.mark.parametrize(
    ("hours", "today", "terms", "wanted"),
    [
        pytest.param(
            "540", DECEMBER_1, {},
            "360.00 USD of the 1,440.00 USD for node was not used in 2026-11: 540.00 of 720.00 GPU hours"
            f" (75.0 %), so that a useful GPU hour costs 2.67 USD against 4.00 USD on demand; {PAYS}. Nothing to do.",
            id="used beyond break-even",
        ),
        pytest.param(
            "300", DECEMBER_1, {},
            "840.00 USD of the 1,440.00 USD for node was not used in 2026-11: 300.00 of 720.00 GPU hours"
            f" (41.7 %), so that a useful GPU hour costs 4.80 USD against 4.00 USD on demand; {PAYS}. Move work of"
            " 60.00 GPU hours onto it, or commit to less.",
            id="dearer than on demand",
        ),
        pytest.param(
            "100", NOVEMBER_11, {},
            "1,240.00 USD of the 1,440.00 USD for node is not used yet in 2026-11: 100.00 of 720.00 GPU hours"
            f" (13.9 %), so that a useful GPU hour costs 14.40 USD against 4.00 USD on demand; {PAYS}. At the pace of"
            " its first 10 days it comes to 300.00 GPU hours: move work of 60.00 GPU hours onto it, or commit to less.",
            id="the month still runs, too slow",
        ),
        pytest.param(
            "120", NOVEMBER_11, {},
            "1,200.00 USD of the 1,440.00 USD for node is not used yet in 2026-11: 120.00 of 720.00 GPU hours"
            f" (16.7 %), so that a useful GPU hour costs 12.00 USD against 4.00 USD on demand; {PAYS}. At the pace of"
            " its first 10 days it comes to 360.00 GPU hours: nothing to do.",
            id="the month still runs, fast enough",
        ),
        pytest.param(
            "0", date(2026, 11, 1), {},
            f"1,440.00 USD of the 1,440.00 USD for node is not used yet in 2026-11: 0.00 of 720.00 GPU hours"
            f" (0.0 %); {PAYS}. No whole day of it has passed: look again tomorrow.",
            id="its first day",
        ),
        pytest.param(
            "800", DECEMBER_1, {},
            "All of the 1,440.00 USD for node was used in 2026-11: 720.00 of 720.00 GPU hours (100.0 %), so"
            f" that a useful GPU hour costs 2.00 USD against 4.00 USD on demand; {PAYS}. 80.00 GPU hours more were"
            " paid for beside it: see whether committing to more is cheaper.",
            id="more was used than it covers",
        ),
        pytest.param(
            "700", DECEMBER_1, {"on_demand_unit_price": D("1.50")},
            "40.00 USD of the 1,440.00 USD for node was not used in 2026-11: 700.00 of 720.00 GPU hours"
            " (97.2 %), so that a useful GPU hour costs 2.06 USD against 1.50 USD on demand. Used in full it is"
            " dearer than on demand: do not renew it at this price.",
            id="never pays off",
        ),
        pytest.param(
            "700", DECEMBER_1, {"on_demand_unit_price": None},
            "40.00 USD of the 1,440.00 USD for node was not used in 2026-11: 700.00 of 720.00 GPU hours"
            " (97.2 %), so that a useful GPU hour costs 2.06 USD. Move work of 20.00 GPU hours onto it, or commit to"
            " less.",
            id="nobody knows what on demand costs",
        ),
        pytest.param(
            "200", DECEMBER_1, {"unit": "money", "units_per_month": D(1600), "on_demand_unit_price": D(1)},
            "1,080.00 USD of the 1,440.00 USD for node was not used in 2026-11: 400.00 of 1,600.00 USD (25.0 %); it"
            " is cheaper than on demand from 1,440.00 USD on (90.0 %). Move work of 1,040.00 USD onto it, or commit to"
            " less.",
            id="committed spend",
        ),
    ],
)  # fmt: skip
def test_sentences(hours: str, today: date, terms: dict[str, Any], wanted: str) -> None:
    assert told(hours, today, **terms) == wanted


def test_tokens_are_priced_by_the_million() -> None:
    usage = [line("0", tokens=25_000_000)]
    terms = {
        "unit": "token",
        "units_per_month": D(100_000_000),
        "amount_per_month": D(300),
        "on_demand_unit_price": D(6),
    }
    [covered] = commitment_months([committed(**terms)], usage, NOVEMBER)
    assert sentence(covered, "USD", DECEMBER_1) == (
        "225.00 USD of the 300.00 USD for node was not used in 2026-11: 25,000,000 of 100,000,000 tokens"
        " (25.0 %), so that 1,000,000 useful tokens cost 12.00 USD against 6.00 USD on demand; it is cheaper than on"
        " demand from 50,000,000 tokens on (50.0 %). Move work of 25,000,000 tokens onto it, or commit to less."
    )

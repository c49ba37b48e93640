"""An anomaly in one sentence."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from allocation.anomalies.engine.words import ToldAnomaly, sentence

SPIKE = ToldAnomaly(
    path="acme/search", model="gpt-4o", metric="cost", currency="EUR", first_day=date(2026, 11, 21),
    last_day=date(2026, 11, 21), days_count=1, observed=Decimal(700), expected=Decimal(105), is_open=False, feedback="",
    feedback_word="",
)  # fmt: skip
ASKED = "look at its records and say what it was"


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param(
            SPIKE,
            "595.00 EUR more than usual: acme/search used gpt-4o for 700.00 EUR instead of 105.00 EUR on 2026-11-21"
            f" ({ASKED}).",
        ),
        pytest.param(
            replace(SPIKE, model="", last_day=date(2026, 11, 23), days_count=3, is_open=True, expected=Decimal(0)),
            "700.00 EUR more than usual: acme/search used all models together for 700.00 EUR where nothing was used"
            f" before on 3 days from 2026-11-21 to 2026-11-23, and it goes on ({ASKED}).",
        ),
        pytest.param(
            replace(SPIKE, metric="tokens", feedback="planned", feedback_word="planned", observed=Decimal(2_000_000)),
            "1,999,895 tokens more than usual: acme/search used gpt-4o for 2,000,000 tokens instead of 105 tokens on"
            " 2026-11-21 (planned).",
        ),
    ],
)  # fmt: skip
def test_sentence(told: ToldAnomaly, wanted: str) -> None:
    assert sentence(told) == wanted

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from allocation.outcomes.documents import OUTCOME, OutcomeEvent
from allocation.outcomes.engine import OutcomeKey, OutcomeSums, PlacedOutcome, by_day, rounded_value

DAY = date(2026, 11, 24)


def outcome(**changes: Any) -> OutcomeEvent:
    said = {
        "id": "1", "source": "crm", "occurred_at": datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "name": "ticket",
        "success": True,
    }  # fmt: skip
    return OUTCOME.validate_python(said | changes)


def placed(scope_id: int = 1, on: date = DAY, **changes: Any) -> PlacedOutcome:
    return PlacedOutcome("ab" * 16, outcome(**changes), scope_id, "explicit", on, root_id=1)


@pytest.mark.parametrize(
    ("amount", "money"),
    [("12.5", "12.500000000"), ("0.0000000005", "0E-9"), ("0.0000000015", "2E-9"), ("0.00000000251", "3E-9")],
)
def test_money_is_kept_to_nine_places_half_to_even(amount: str, money: str) -> None:
    assert rounded_value(outcome(value={"amount": Decimal(amount), "currency": "USD"})) == Decimal(money)
    assert rounded_value(outcome()) is None


def test_outcomes_are_summed_by_scope_day_kind_and_name() -> None:
    found = by_day(
        [
            placed(quantity=3, quality_score=Decimal("0.5"), value={"amount": Decimal(6), "currency": "USD"}),
            placed(success=False, safety_flags=("pii",), quality_score=Decimal(1)),
            placed(kind="action"),
            placed(scope_id=2, safety_flags=("pii", "toxic"), quantity=4),
            placed(on=date(2026, 12, 1)),
        ]
    )
    assert found == {
        OutcomeKey(1, DAY, "outcome", "ticket"): OutcomeSums(4, 3, 1, Decimal(6), Decimal("2.5"), 4),
        OutcomeKey(1, DAY, "action", "ticket"): OutcomeSums(1, 1),
        OutcomeKey(2, DAY, "outcome", "ticket"): OutcomeSums(4, 4, 4),
        OutcomeKey(1, date(2026, 12, 1), "outcome", "ticket"): OutcomeSums(1, 1),
    }
    assert by_day([]) == {}


def test_the_same_instant_has_one_key_in_every_time_zone() -> None:
    elsewhere = datetime.fromisoformat("2026-11-25T08:30:00+09:00")
    assert placed(occurred_at=elsewhere).key == placed().key == ("ab" * 16, "2026-11-24T23:30:00+00:00")

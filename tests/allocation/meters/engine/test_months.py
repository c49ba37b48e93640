from datetime import UTC, date, datetime

import pytest

from allocation.meters.engine.months import Month


@pytest.mark.parametrize(
    ("month", "previous", "following", "days"),
    [
        (Month(2026, 1), Month(2025, 12), Month(2026, 2), 31),
        (Month(2026, 12), Month(2026, 11), Month(2027, 1), 31),
        (Month(2028, 2), Month(2028, 1), Month(2028, 3), 29),
    ],
)
def test_months_follow_each_other(month: Month, previous: Month, following: Month, days: int) -> None:
    assert (month.previous, month.following, month.days) == (previous, following, days)
    assert (following.previous, previous.following) == (month, month)
    assert Month.of(month.end) == following


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "0026-01", "2026-10-01", "２０２６-10", "", "soon"])
def test_what_is_no_month(text: str) -> None:
    assert Month.read(text) is None


def test_a_month_is_half_open() -> None:
    october = Month.read("2026-10")
    assert october == Month(2026, 10)
    assert (october.start, october.end, str(october)) == (date(2026, 10, 1), date(2026, 11, 1), "2026-10")
    assert (october.since, october.until) == (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))

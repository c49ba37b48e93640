from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.documents import daily_hours

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "zone", "wanted"),
    [
        pytest.param("16:30-00:30", "UTC", [(0, 0), (16, 30)], id="over midnight"),
        pytest.param("09:00-17:00", "UTC", [(9, 0)], id="by day"),
        pytest.param("00:00-06:00", "Asia/Shanghai", [(16, 0)], id="by the clocks of Shanghai"),
    ],
)
def test_when_they_hold(written: str, zone: str, wanted: list[tuple[int, int]]) -> None:
    hours = daily_hours(written, zone)
    start = NOON.replace(hour=0)
    held = [hours.hold(start + timedelta(minutes=minute)) for minute in range(24 * 60)]
    begins = [divmod(minute, 60) for minute in range(24 * 60) if held[minute] and not (minute and held[minute - 1])]
    assert begins == wanted


@pytest.mark.parametrize(
    ("written", "zone", "reason"),
    [
        ("9-17", "UTC", "written as"),
        ("25:00-26:00", "UTC", "written as"),
        ("09:00-09:00", "UTC", "whole day"),
        ("09:00-10:00", "Mars/Olympus", "no time zone"),
        ("09:00-10:00", "../etc", "no time zone"),
    ],
)
def test_what_is_refused(written: str, zone: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        daily_hours(written, zone)


@given(st.times().map(lambda clock: clock.replace(second=0, microsecond=0)), st.integers(1, 1439), st.integers(0, 400))
def test_between_two_edges_nothing_changes(clock: object, minutes: int, day: int) -> None:
    start = datetime.combine(NOON.date(), clock)  # type: ignore[arg-type]  # a time
    hours = daily_hours(f"{start:%H:%M}-{start + timedelta(minutes=minutes):%H:%M}", "Asia/Kolkata")
    since = NOON.replace(hour=0) + timedelta(days=day)
    pieces = sorted({since, *hours.edges(since, since + timedelta(days=1))})
    for first, following in zip(pieces, [*pieces[1:], since + timedelta(days=1)], strict=True):
        instants = [first + timedelta(minutes=minute) for minute in range(int((following - first).seconds / 60))]
        assert len({hours.hold(at) for at in instants}) <= 1

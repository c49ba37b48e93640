from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from budgets.approval_rules.documents import WorkingTimeSpec
from budgets.approval_rules.engine.working_time import WorkingTime

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {"time_zone": "Europe/Berlin"}


def when(written: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("spec", "since", "hours", "until"),
    [
        # Tuesday at noon: five hours are left of it.
        ({}, "2026-11-24 12:00", 4, "2026-11-24 16:00"),
        ({}, "2026-11-24 12:00", 5, "2026-11-24 17:00"),
        ({}, "2026-11-24 12:00", 6, "2026-11-25 10:00"),
        # Before and after hours it begins with the next ones.
        ({}, "2026-11-24 03:00", 1, "2026-11-24 10:00"),
        ({}, "2026-11-24 17:00", 1, "2026-11-25 10:00"),
        ({}, "2026-11-24 23:59", 8, "2026-11-25 17:00"),
        # A weekend, and a day that is closed after it.
        ({}, "2026-11-27 16:00", 2, "2026-11-30 10:00"),
        ({"closed_on": ["2026-11-30"]}, "2026-11-27 16:00", 2, "2026-12-01 10:00"),
        ({"days": ["sunday", "monday", "tuesday", "wednesday", "thursday"]}, "2026-11-27 16:00", 2, "2026-11-29 11:00"),
        ({"days": ["saturday"]}, "2026-11-24 12:00", 9, "2026-12-05 10:00"),
        # Clocks go forward on 29 March 2026 and back on 25 October: noon stays noon.
        ({}, "2026-03-27 16:00", 2, "2026-03-30 10:00"),
        ({}, "2026-10-23 16:00", 2, "2026-10-26 10:00"),
        # At night the hour that is left out is not worked, and the one that comes twice is.
        ({"begins": "00:00", "ends": "08:00", "days": ["sunday", "monday"]}, "2026-03-29 00:00", 7, "2026-03-29 08:00"),
        ({"begins": "00:00", "ends": "08:00", "days": ["sunday", "monday"]}, "2026-03-29 00:00", 8, "2026-03-30 01:00"),
        ({"begins": "00:00", "ends": "08:00", "days": ["sunday", "monday"]}, "2026-10-25 00:00", 9, "2026-10-25 08:00"),
        ({"begins": "00:00", "ends": "24:00"}, "2026-11-27 12:00", 24, "2026-11-30 12:00"),
        ({"begins": "16:00", "ends": "24:00"}, "2026-11-24 23:30", 1, "2026-11-25 16:30"),
    ],
    ids=str,
)
def test_hours_of_work_pass_by_the_clocks_of_the_place(
    spec: dict[str, Any], since: str, hours: int, until: str
) -> None:
    working = WorkingTime.of(WorkingTimeSpec.model_validate({**OFFICE, **spec}))
    assert working.after(hours, when(since)) == when(until)


def test_another_place_works_at_other_instants() -> None:
    kolkata = WorkingTime.of(WorkingTimeSpec.model_validate({"time_zone": "Asia/Kolkata"}))
    assert kolkata.after(1, datetime(2026, 11, 24, 12, tzinfo=UTC)) == datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
    new_york = WorkingTime(ZoneInfo("America/New_York"), frozenset({1}), 540, 1020, frozenset({date(2026, 11, 24)}))
    assert new_york.after(1, datetime(2026, 11, 24, 12, tzinfo=UTC)) == datetime(2026, 12, 1, 15, tzinfo=UTC)

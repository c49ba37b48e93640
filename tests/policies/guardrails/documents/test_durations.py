import pytest

from policies.guardrails.documents import format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("15m", 900), ("4h", 14_400), ("7d", 604_800), ("1h30m", 5_400), ("0m", 0)]
)
def test_durations_are_read(written: str, seconds: int) -> None:
    assert parse_duration(written).total_seconds() == seconds
    assert parse_duration(format_duration(parse_duration(written))).total_seconds() == seconds


@pytest.mark.parametrize("written", ["", "15", "m", "-5m", "1.5h", "15M", "1h 30m", "5m1h", "9999999d", "15m\n"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(written)

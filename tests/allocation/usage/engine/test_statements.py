from datetime import datetime

import pytest

from allocation.usage.engine.statements import joined_spans, span_around, statement_of


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("hour", "2026-12-31T23:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("day", "2026-12-31T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("month", "2026-12-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_a_row_states_the_period_that_it_lies_in(period: str, since: str, until: str) -> None:
    assert span_around(datetime.fromisoformat("2027-01-01T01:59:59.5+02:00"), period) == (since, until)


def test_a_file_states_from_its_first_period_to_its_last() -> None:
    spans = {"a": ("2026-11-03", "2026-11-04"), "b": ("2026-11-01", "2026-11-02")}
    assert joined_spans(spans, {"a": ("2026-11-01", "2026-11-02"), "c": ("1", "2")}) == {
        "a": ("2026-11-01", "2026-11-04"), "b": ("2026-11-01", "2026-11-02"), "c": ("1", "2"),
    }  # fmt: skip


def test_an_account_is_its_organisations() -> None:
    assert statement_of(1, "a") != statement_of(2, "a")

"""Which errors are of the database as it is now, and which of the rows of the statement."""

import pytest

from governance.work.engine.sqlstates import passes


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (None, "the connection is gone"), ("08006", "it broke"), ("40P01", "a deadlock"), ("53100", "the disk is full"),
        ("53300", "too many connections"), ("55P03", "a lock was not free in time"), ("57P01", "it is shut down"),
        ("57014", "the statement was cancelled"), ("58030", "the system cannot write"), ("25006", "a standby"),
    ],
)  # fmt: skip
def test_it_may_succeed_later(state: str | None, what: str) -> None:
    assert passes(state), what


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("23505", "a row that is there already"), ("22P02", "a value of another type"), ("42P01", "no such table"),
        ("54000", "a row too large for its index"), ("P0001", "a trigger refuses"), ("XX001", "a damaged page"),
    ],
)  # fmt: skip
def test_it_would_fail_again(state: str, what: str) -> None:
    assert not passes(state), what

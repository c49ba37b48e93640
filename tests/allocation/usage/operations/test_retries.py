from typing import Any

import pytest
from django.db import OperationalError, connections
from psycopg.errors import DeadlockDetected, SerializationFailure, UndefinedTable

from allocation.usage.operations.retries import TRIES, with_retries


def failing(*causes: Exception) -> Any:
    """A write that fails so, one try after the other, and then returns how often it was tried."""
    left = list(causes)
    tries = 0

    def write() -> int:
        nonlocal tries
        tries += 1
        if left:
            raise OperationalError from left.pop(0)
        return tries

    return write


@pytest.mark.parametrize("cause", [DeadlockDetected(), SerializationFailure()])
def test_the_loser_of_a_deadlock_tries_again(cause: Exception) -> None:
    assert with_retries(failing()) == 1
    assert with_retries(failing(cause)) == 2
    assert with_retries(failing(*[cause] * (TRIES - 1))) == TRIES


def test_it_gives_up_in_the_end() -> None:
    with pytest.raises(OperationalError):
        with_retries(failing(*[DeadlockDetected()] * TRIES))


def test_another_failure_is_told_at_once() -> None:
    write = failing(UndefinedTable())
    with pytest.raises(OperationalError):
        with_retries(write)
    assert write() == 2


def test_inside_somebody_elses_transaction_there_is_nothing_to_do_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "in_atomic_block", True)
    write = failing(DeadlockDetected())
    with pytest.raises(OperationalError):
        with_retries(write)
    assert write() == 2

import pytest

from governance.work.engine import locks
from governance.work.operations import hold, hold_if_free


@pytest.mark.django_db
def test_a_lock_that_is_free_is_taken_and_may_be_taken_again() -> None:
    hold(locks.PERIOD_LOCK, shared=True)
    assert hold_if_free(locks.IDEMPOTENCY_LOCK, of=-7) is True
    assert hold_if_free(locks.IDEMPOTENCY_LOCK, of=-7) is True

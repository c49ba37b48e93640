import pytest

from governance.work.engine import locks
from governance.work.engine.locks import LOCKS, AdvisoryLock, Keyed


def test_no_two_locks_are_one() -> None:
    keys = [lock.key(None if lock.keyed is Keyed.BY_NUMBER else 1) for lock in LOCKS]
    assert len(set(keys)) == len(LOCKS)
    # One whose id stands in the lower half owns every number above its own.
    halves = {lock.number for lock in LOCKS if lock.keyed is Keyed.BY_NUMBER_ABOVE_ID}
    assert [lock.name for lock in LOCKS if lock.keyed is Keyed.BY_NUMBER and lock.number >> 32 in halves] == []


@pytest.mark.parametrize(
    ("lock", "of", "key"),
    [
        (locks.PERIOD_LOCK, None, (8_201_128,)),
        (locks.CORRECTIONS_LOCK, 7, (8_201_129, 7)),
        (locks.DETECTION_LOCK, 2**31 + 7, (8_201_128, 7)),
        (locks.EVALUATION_LOCK, 7, (0x57455650 << 32 | 7,)),
        (locks.IDEMPOTENCY_LOCK, -7, (-7,)),
    ],
)
def test_what_postgresql_is_given(lock: AdvisoryLock, of: int | None, key: tuple[int, ...]) -> None:
    assert lock.key(of) == key


@pytest.mark.parametrize(("lock", "of"), [(locks.PERIOD_LOCK, 7), (locks.CORRECTIONS_LOCK, None)])
def test_a_lock_is_not_taken_of_the_wrong_thing(lock: AdvisoryLock, of: int | None) -> None:
    with pytest.raises(ValueError, match=lock.name):
        lock.key(of)

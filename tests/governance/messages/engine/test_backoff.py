from hypothesis import given
from hypothesis import strategies as st

from governance.messages.engine.backoff import FIRST, LONGEST, delay_before_attempt


@given(attempt=st.integers(2, 1000), jitter=st.floats(0, 1, exclude_max=True))
def test_waits_grow_within_bounds(attempt: int, jitter: float) -> None:
    wait = delay_before_attempt(attempt, jitter=jitter)
    assert FIRST / 2 <= wait <= LONGEST
    assert wait <= delay_before_attempt(attempt + 1, jitter=jitter)

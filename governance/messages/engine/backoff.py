"""How long a delivery waits before it is sent again."""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(seconds=2)
LONGEST = timedelta(hours=4)


def delay_before_attempt(attempt: int, *, jitter: float) -> timedelta:
    """The wait before attempt number `attempt` (2 is the first repeat): doubling from 2 s up to 4 h. `jitter` in [0, 1)
    spreads it between half of that and all of it, so that senders do not all return at once.
    """
    doublings: int = 2 ** min(attempt - 2, 30)
    whole = min(FIRST * doublings, LONGEST)
    return whole * (0.5 + jitter / 2)

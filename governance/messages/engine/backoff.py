from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(seconds=2)
LONGEST = timedelta(hours=4)


def delay_before_attempt(attempt: int, *, jitter: float) -> timedelta:
    """How long to wait before the `attempt`-th try (2 is the first repeat): doubling from 2 s up to 4 h;
    `jitter` in [0, 1) spreads it between half and the whole, so that many senders do not return at one instant.
    """
    doublings: int = 2 ** min(attempt - 2, 30)
    whole = min(FIRST * doublings, LONGEST)
    return whole * (0.5 + jitter / 2)

"""How often a password of an account may be tried. Counted in the memory of each web process, before a password is
hashed: an attempt that is refused costs nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision

FAILURES_MAX = 5
WITHIN = timedelta(minutes=15)
ACCOUNTS_MAX = 10_000


class Guesses:
    """When signing in to each account failed, by its name in small letters, whether there is such an account or not."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def are_too_many(self, account: str, at: datetime) -> bool:
        """Whether it must be waited until FAILURES_MAX are longer ago than WITHIN."""
        with self._lock:
            failed = self._failed.get(account)
            return failed is not None and len(failed) >= FAILURES_MAX and failed[0] > at - WITHIN

    def fail(self, account: str, at: datetime) -> bool:
        """Whether this was the last one for now."""
        with self._lock:
            if len(self._failed) >= ACCOUNTS_MAX:
                self._failed = {name: failed for name, failed in self._failed.items() if failed[-1] > at - WITHIN}
            failed = self._failed.setdefault(account, deque(maxlen=FAILURES_MAX))
            failed.append(at)
            return len(failed) == FAILURES_MAX and failed[0] > at - WITHIN

    def succeed(self, account: str) -> None:
        """It is its owner."""
        with self._lock:
            self._failed.pop(account, None)

    def forget(self) -> None:
        """All of them."""
        with self._lock:
            self._failed.clear()


GUESSES = Guesses()


def note_failed_sign_in(*, account: str, forwarded_for: str, at: datetime) -> None:
    """Counts it; the last one for now is recorded, where there is such an account."""
    if not GUESSES.fail(account, at):
        return
    user = User.objects.filter(email__iexact=account).first()
    if user is not None:
        record_decision(
            actor=Actor.system(),
            action="sign_in.throttle",
            scope=None,
            subject=f"user:{user.pk}",
            reason=f"{FAILURES_MAX} passwords were wrong within {WITHIN.total_seconds() / 60:.0f} minutes",
            evidence={"forwarded_for": forwarded_for[:200]},
            at=at,
        )

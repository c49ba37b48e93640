"""How often a caller may ask, and how organisations that ask at the same time share the front's own processor."""

from __future__ import annotations

from collections.abc import Hashable

FORGET_ABOVE = 10_000


class Rate:
    """So many a second of one name, and as many more at once as ``burst``. Kept as the instant at which the name would
    have asked evenly for all that it has asked (the generic cell rate algorithm).
    """

    def __init__(self, per_s: float, burst: float) -> None:
        self._step_s, self._ahead_s = 1 / per_s, burst / per_s
        self._even: dict[Hashable, float] = {}

    def take(self, name: Hashable, now: float) -> float:
        """0 when the name may ask; otherwise in how many seconds it may, and it has not asked."""
        even = max(self._even.get(name, now), now) + self._step_s
        wait_s = even - now - self._ahead_s
        # Sums of floats are not exact: a millionth of a second is no reason to refuse.
        if wait_s > 1e-6:  # noqa: PLR2004
            return wait_s
        self._even[name] = even
        return 0.0

    def sweep(self, now: float) -> None:
        """Forget who has not asked for long."""
        if len(self._even) > FORGET_ABOVE:
            self._even = {name: even for name, even in self._even.items() if even > now}


class Shares:
    """Of windows of ``window_s``, each party that asks in this one or asked in the last has an equal part. One that
    asks alone is never held.
    """

    def __init__(self, *, window_s: float, cost_s: float, filled: float = 0.8) -> None:
        self._window_s = window_s
        self._in_window = filled * window_s / cost_s
        self._ends_at = 0.0
        self._now: dict[Hashable, int] = {}
        self._before: frozenset[Hashable] = frozenset()

    def take(self, party: Hashable, now: float) -> float:
        """0 when the party may have one more answer in this window; otherwise in how many seconds the next begins."""
        if now >= self._ends_at:
            # After a pause nobody of before asks any more.
            is_next = now < self._ends_at + self._window_s
            self._before = frozenset(self._now) if is_next else frozenset()
            self._now = {}
            self._ends_at = now + self._window_s
        given = self._now.get(party, 0)
        if given:
            others = len(self._before | self._now.keys())
            if others > 1 and given >= self._in_window / others:
                return self._ends_at - now
        self._now[party] = given + 1
        return 0.0

"""Drawing a lease down in memory: a million times a second and more, exactly."""

import threading
import time
from decimal import Decimal

NANOS = 1_000_000_000
_PLACES = Decimal("0.000000001")


def nanos_of(amount: Decimal | int | str) -> int:
    """An amount as billionths, which are exact: amounts have at most nine places. ValueError for more."""
    exact = Decimal(amount)
    nanos = exact.scaleb(9)
    if nanos != nanos.to_integral_value():
        message = f"{amount} has more than nine decimal places."
        raise ValueError(message)
    return int(nanos)


def amount_of(nanos: int) -> Decimal:
    """Billionths as an amount."""
    return (Decimal(nanos) * _PLACES).normalize() if nanos else Decimal(0)


class DrawDown:
    """What is left of a lease, for any number of threads. Counts in billionths of the budget's unit, as integers: no
    fraction is lost. What is drawn is never more than was leased, and nothing is drawn once the lease is over.
    """

    __slots__ = ("_drawn", "_ends_at", "_limit", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn = self._limit = 0
        self._ends_at = 0.0

    def draw(self, nanos: int) -> bool:
        """Takes so much if it is there, and says whether it was."""
        if nanos < 0:
            message = "What was drawn is given back by `put_back`."
            raise ValueError(message)
        with self._lock:
            drawn = self._drawn + nanos
            if drawn > self._limit or time.monotonic() >= self._ends_at:
                return False
            self._drawn = drawn
            return True

    def put_back(self, nanos: int) -> None:
        """A call has cost so much less than was drawn for it. ValueError for more than is drawn."""
        with self._lock:
            if not 0 <= nanos <= self._drawn:
                message = "No more is put back than was drawn."
                raise ValueError(message)
            self._drawn -= nanos

    def overdraw(self, nanos: int) -> None:
        """A call has cost so much more than was drawn for it: that is gone, whether it was there or not."""
        with self._lock:
            self._drawn += nanos

    def allow(self, limit: int, ends_at: float) -> None:
        """In all so much may be drawn, with what is drawn already, until this instant of the monotonic clock."""
        with self._lock:
            self._limit, self._ends_at = limit, ends_at

    def end(self) -> int:
        """Nothing is drawn any more; what was, in all."""
        with self._lock:
            self._ends_at = 0.0
            return self._drawn

    @property
    def drawn(self) -> int:
        """In all."""
        with self._lock:
            return self._drawn

    @property
    def left(self) -> int:
        """What may still be drawn now."""
        with self._lock:
            return max(self._limit - self._drawn, 0) if time.monotonic() < self._ends_at else 0

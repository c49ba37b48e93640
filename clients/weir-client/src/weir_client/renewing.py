"""When a lease is renewed, and what an answer changes of it: the same for the blocking and the asynchronous client."""

import time
from decimal import Decimal

from weir_client.answers import LeaseState
from weir_client.drawing import DrawDown, amount_of, nanos_of

ZERO = Decimal(0)
AGAIN_AFTER_S = 1.0
LOOKED_AT_EACH_S = 0.1
# Topped up when less than this part of what was leased is left, whenever that is.
LOW = 4


class LeaseHeld:
    """A lease in this process: drawn down without asking, renewed in half its time or when little is left.

    `expires_in` seconds are counted from when the question was sent, so that nothing is drawn here that Weir has given
    to somebody else, whatever the clocks say.
    """

    def __init__(self, state: LeaseState, *, asked_at: float, expires_in: int, capacity: Decimal) -> None:
        self.draw_down = DrawDown()
        self.expires_in, self.capacity = expires_in, capacity
        self._low = nanos_of(capacity) // LOW
        self._renew_at = 0.0
        self._is_short = False
        self.took(state, asked_at=asked_at)

    def took(self, state: LeaseState, *, asked_at: float, told: Decimal = ZERO) -> None:
        """Weir has answered the question that told so much drawn."""
        self.state = state
        if state.status != "held":
            self.draw_down.end()
            self._renew_at = float("inf")
            return
        # Not the amount: usage may have told of more than was drawn here.
        self.draw_down.allow(nanos_of(told + state.safe_capacity), asked_at + state.expires_in)
        self._renew_at = asked_at + state.renew_in
        # There is no more to be had just now: asking at every draw would not help.
        self._is_short = state.safe_capacity < self.capacity

    @property
    def id(self) -> str:
        """By which usage names it: the attribute `reservation`."""
        return self.state.id

    @property
    def safe_capacity(self) -> Decimal:
        """What may still be drawn, whether Weir can be reached or not."""
        return amount_of(self.draw_down.left)

    @property
    def drawn(self) -> Decimal:
        """In all."""
        return amount_of(self.draw_down.drawn)

    def draw(self, amount: Decimal | int | str) -> bool:
        """Takes the amount if it is there. `draw_down.draw` takes billionths, a million times a second and more."""
        return self.draw_down.draw(nanos_of(amount))

    def is_due(self) -> bool:
        """Whether it should be renewed now."""
        return time.monotonic() >= self._renew_at or (not self._is_short and self.draw_down.left < self._low)

    def put_off(self, retry_after_s: float) -> None:
        """Weir is away: tried again in a while, and drawn down meanwhile."""
        self._renew_at = time.monotonic() + max(retry_after_s, AGAIN_AFTER_S)
        self._is_short = True

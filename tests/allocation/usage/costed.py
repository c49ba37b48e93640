"""Records as costing makes them, without any price list behind them."""

from datetime import UTC, datetime
from typing import Any

from allocation.usage.engine.call_prices import Priced
from allocation.usage.engine.costing import CostedRecord, identity
from tests.allocation.conftest import event

NOON_S = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()


def costed(
    number: int = 1,
    *,
    scope_id: int = 7,
    root_id: int = 1,
    after_s: float = 0.0,
    booked_after_s: float | None = None,
    price: Priced | None = None,
    **changes: Any,
) -> CostedRecord:
    """A call that cost 10^-6 and was made `after_s` seconds after noon."""
    booked_s = NOON_S + (after_s if booked_after_s is None else booked_after_s)
    return CostedRecord(
        id=identity(root_id, "gateway", f"{number}"),
        at_s=NOON_S + after_s,
        booked_s=booked_s,
        event=event(id=f"{number}", **changes),
        scope_id=scope_id,
        root_id=root_id,
        attribution="explicit",
        price=price or Priced("provider", "", 1000),
    )

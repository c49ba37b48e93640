import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from allocation.meters.documents import EVENT
from allocation.usage.engine.reserved import ReservedUsage, reserved_usage

ONE, OTHER = UUID(int=1), UUID(int=2)


class Costed:
    """As much of a costed record as is read."""

    def __init__(self, scope_id: int, cost_nanos: int | None, event: dict[str, Any]) -> None:
        identity = {"id": "a", "source": "s", "occurred_at": "2026-11-24T12:00:00Z", "provider": "p", "model": "m"}
        self.scope_id, self.cost_nanos = scope_id, cost_nanos
        self.event = EVENT.validate_json(json.dumps({**identity, **event}))


def named(reservation: object, **more: Any) -> dict[str, Any]:
    return {"attributes": {"reservation": str(reservation)}, "tokens": {"input": 3, "output": 2}, **more}


def test_calls_are_summed_by_reservation_and_scope() -> None:
    records: list[Any] = [
        Costed(7, 10, named(OTHER, gpu_seconds="1.5")),
        Costed(7, 5, named(ONE)),
        Costed(7, None, named(ONE, status="error")),
        Costed(8, 4, {"attributes": {"tag.reservation": str(ONE)}}),
        Costed(8, 4, {}),
        Costed(8, 4, {"attributes": {"team": "search"}}),
    ]
    assert reserved_usage(records) == [
        ReservedUsage(ONE, 7, cost_nanos=5, tokens=10, requests=2, has_succeeded=True),
        ReservedUsage(ONE, 8, cost_nanos=4, tokens=0, requests=1, has_succeeded=True),
        ReservedUsage(OTHER, 7, 10, 5, 1, Decimal("1.5"), has_succeeded=True),
    ]
    assert reserved_usage(records)[0].cost == Decimal("0.000000005")


@pytest.mark.parametrize("status", ["error", "success"])
def test_a_failed_call_alone_has_not_succeeded(status: str) -> None:
    records: list[Any] = [Costed(7, None, named(ONE, status=status))]
    assert [used.has_succeeded for used in reserved_usage(records)] == [status == "success"]


def test_what_is_no_uuid_names_nothing() -> None:
    records: list[Any] = [Costed(7, 1, named(name)) for name in ("", "mine", "1")]
    assert reserved_usage(records) == []

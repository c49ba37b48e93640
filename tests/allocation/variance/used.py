from datetime import UTC, date, datetime
from typing import Any

from allocation.usage.operations import record_usage
from allocation.variance.engine.periods import ComparedPeriods, month
from governance.scopes.models import Scope
from tests.allocation.conftest import event

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


SEPTEMBER, OCTOBER = month(date(2026, 9, 1)), month(date(2026, 10, 1))


PERIODS = ComparedPeriods(SEPTEMBER, OCTOBER)


M = 1_000_000


def use(acme: Scope, *calls: tuple[int, dict[str, Any]]) -> None:
    """Each call: the month it was made in, and how it differs from a call of acme/search."""
    events = [event(occurred_at=datetime(2026, number, 15, 12, tzinfo=UTC), **changes) for number, changes in calls]
    result = record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert (result.accepted, result.rejected) == (len(events), ())


def call(inward: int = 0, outward: int = 0, **changes: Any) -> dict[str, Any]:
    """In millions of tokens."""
    return {"tokens": {"input": inward * M, "output": outward * M}, **changes}


ASKED = "from=2026-10-01&to=2026-11-01&against_from=2026-09-01&against_to=2026-10-01"

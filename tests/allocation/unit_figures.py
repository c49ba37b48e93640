"""Record usage and outcomes, read unit economics."""

from datetime import date
from typing import Any

from allocation.outcomes.documents import OutcomeEvent
from allocation.outcomes.models import Outcome
from allocation.outcomes.operations import record_outcomes
from allocation.unit_economics.queries import UnitEconomics, unit_economics
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event

NOVEMBER = (date(2026, 11, 1), date(2026, 12, 1))


def use(root: Scope, *changes: dict[str, Any]) -> None:
    record_usage(events=[event(**each) for each in changes], key_scope_id=root.pk, at=AT)


def report(root: Scope, **changes: Any) -> None:
    outcome_event = {
        "id": f"o{Outcome.objects.count()}", "source": "helpdesk", "occurred_at": AT, "name": "ticket_resolved",
        "scope": "acme/search", "success": True,
    } | changes  # fmt: skip
    record_outcomes(events=[OutcomeEvent(**outcome_event)], key_scope_id=root.pk, at=AT)


def of(scope: Scope, **changes: Any) -> UnitEconomics:
    return unit_economics(**{"scope_id": scope.pk, "since": NOVEMBER[0], "until": NOVEMBER[1], **changes})


def line(economics: UnitEconomics, key: str, name: str = "") -> tuple[Any, Any, Any]:
    ratio = economics.figure(key, name).ratio
    return ratio.numerator, ratio.denominator, ratio.value

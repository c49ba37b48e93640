from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.unit_costs.models import UnitCostTarget
from governance.unit_costs.operations import accept_unit_cost

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


SYSTEM = Actor.system()


NOVEMBER = date(2026, 11, 1)


def accept(scope: Scope, actor: Actor = SYSTEM, **changes: Any) -> UnitCostTarget:
    terms: dict[str, Any] = {
        "unit": "successful_outcome",
        "outcome_name": "ticket_resolved",
        "amount": Decimal("0.45"),
        "reason": "Half of what a clerk costs.",
        "effective_from": NOVEMBER,
        "at": AT,
    }
    return accept_unit_cost(scope=scope, actor=actor, **{**terms, **changes})

"""Accepting what a unit may cost."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from governance.errors import Invalid, RightRequired
from governance.people.models import DecisionRight
from governance.people.rules import Actor, check_sees
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from governance.unit_costs.models import NAMED_UNITS, CostUnit, UnitCostTarget

PLACES = 9
AMOUNT_MAX = Decimal(10) ** 12
OUTCOME_NAME = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")


class NotAUnitCost(Invalid):
    """`field` names the term that is wrong."""

    code = "unit_cost_invalid"


@transaction.atomic
def accept_unit_cost(
    *,
    scope: Scope,
    unit: str,
    amount: Decimal,
    reason: str,
    effective_from: date,
    actor: Actor,
    at: datetime,
    outcome_name: str = "",
    until: date | None = None,
    review_by: date | None = None,
) -> UnitCostTarget:
    """Adds the next version for this scope, unit and name, in the organisation's currency; earlier versions stay.
    Forbidden, RightRequired, NotAUnitCost.
    """
    check_sees(actor, scope.path)
    if not actor.may(DecisionRight.SET_UNIT_COST, scope):
        raise RightRequired(f"{actor.label} does not hold the right to set unit costs of {scope.path}.")
    _check(unit, outcome_name, amount, reason)
    _check_dates(effective_from, until, review_by)
    # Two decisions on one scope wait for each other.
    Scope.objects.select_for_update(of=("self",)).get(pk=scope.pk)
    known = UnitCostTarget.objects.filter(scope=scope, unit=unit, outcome_name=outcome_name)
    before = known.order_by("-version").first()
    target = UnitCostTarget.objects.create(
        scope=scope,
        unit=unit,
        outcome_name=outcome_name,
        version=(known.aggregate(latest=Max("version"))["latest"] or 0) + 1,
        amount=amount,
        currency=scope_tree().by_id[scope.pk].currency,
        reason=reason.strip(),
        effective_from=effective_from,
        until=until,
        review_by=review_by,
        accepted_by=actor.user,
        accepted_by_label=actor.label,
        accepted_at=at,
    )
    record_decision(
        actor=actor,
        action="unit_cost.accept",
        scope=scope,
        subject=f"unit_cost_target:{target.pk}",
        reason=target.reason,
        evidence={
            "unit": unit,
            "outcome_name": outcome_name,
            "version": target.version,
            "amount": f"{amount:f}",
            "currency": target.currency,
            "effective_from": effective_from.isoformat(),
            "until": until.isoformat() if until else None,
            "review_by": review_by.isoformat() if review_by else None,
            "before": f"{before.amount:f}" if before else None,
        },
        at=at,
    )
    return target


def _check(unit: str, outcome_name: str, amount: Decimal, reason: str) -> None:
    if unit not in CostUnit.values:
        raise NotAUnitCost(f"unit is one of {', '.join(CostUnit.values)}.", field="unit")
    if outcome_name and unit not in NAMED_UNITS:
        raise NotAUnitCost(f"A cost per {unit} has no outcome_name; leave it out.", field="outcome_name")
    if outcome_name and not OUTCOME_NAME.fullmatch(outcome_name):
        raise NotAUnitCost(
            "outcome_name is small letters, digits, '_', '.', ':' and '-', at most 64.", field="outcome_name"
        )
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -PLACES or not 0 < amount < AMOUNT_MAX:
        raise NotAUnitCost(f"amount is above 0, with at most {PLACES} places.", field="amount")
    if not reason.strip():
        raise NotAUnitCost("reason says why this much is right; it may not be empty.", field="reason")


def _check_dates(effective_from: date, until: date | None, review_by: date | None) -> None:
    if until is not None and until <= effective_from:
        raise NotAUnitCost("until lies after effective_from.", field="until")
    if review_by is not None and review_by < effective_from:
        raise NotAUnitCost("review_by does not lie before effective_from.", field="review_by")

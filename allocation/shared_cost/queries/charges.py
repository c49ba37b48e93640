"""Allocated charges with what FOCUS asks of them: ratio, what drove it, and the method's id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from allocation.meters.engine.amounts import json_number
from allocation.shared_cost.models import AllocatedCharge, AllocationRun
from governance.calendar.engine import midnight
from governance.scopes.queries import scope_tree


@dataclass(frozen=True, slots=True)
class AllocatedLine:
    """One part of one pool in one month. The ratios of a (pool, period) sum to 1 and the amounts to what was shared.

    `origin_scope` gave it and `target_scope` bears it; they are the same for what the pool keeps. `is_external`: no
    usage record holds the amount, so a report adds it. Otherwise the origin's own charges hold it already, and a report
    with both subtracts it from the origin by an opposite line. `allocated_tags` is a JSON object.
    """

    origin_scope: str
    target_scope: str
    period_start: datetime
    period_end: datetime
    amount: Decimal
    ratio: Decimal
    usage_unit: str
    usage_quantity: Decimal
    method_id: str
    currency: str
    pool: str
    pool_source: str
    is_external: bool
    rule: str
    allocated_resource_id: str
    allocated_resource_name: str
    allocated_tags: str
    run_id: int
    is_provisional: bool

    @property
    def method_details(self) -> str:
        """AllocatedMethodDetails: JSON with exact numbers."""
        return (
            f'{{"Elements":[{{"AllocatedRatio":{json_number(self.ratio)},'
            f'"UsageUnit":{json.dumps(self.usage_unit)},"UsageQuantity":{json_number(self.usage_quantity)}}}]}}'
        )


def allocated_charges(organisation_id: int, since: date, until: date) -> Iterator[AllocatedLine]:
    """Of the runs in force of the months that begin in [since, until), in the order in which they were split.
    Recipients that bear nothing are included with ratio 0.
    """
    runs = AllocationRun.objects.in_force().filter(
        organisation_id=organisation_id, period_start__gte=since, period_start__lt=until
    )
    charges = AllocatedCharge.objects.filter(run__in=runs).select_related("run", "pool__split")
    nodes = scope_tree().by_id
    for charge in charges.order_by("run__period_start", "pool__position", "recipient").iterator(chunk_size=5000):
        run, pool, target = charge.run, charge.pool, nodes[charge.target_id]
        yield AllocatedLine(
            origin_scope=nodes[pool.origin_id].path,
            target_scope=target.path,
            period_start=midnight(run.period_start),
            period_end=midnight(run.period_end),
            amount=charge.amount,
            ratio=charge.ratio,
            usage_unit=pool.usage_unit,
            usage_quantity=charge.usage_quantity,
            method_id=pool.method_id,
            currency=target.currency,
            pool=pool.split.name,
            pool_source=pool.split.pool_source,
            is_external=pool.is_external,
            rule=charge.rule,
            allocated_resource_id=target.path,
            allocated_resource_name=target.name or target.slug,
            allocated_tags=json.dumps(dict(target.labels), sort_keys=True),
            run_id=run.pk,
            is_provisional=run.status == "provisional",
        )

"""What commitments cost beside what the usage they cover was booked at: with it, their bill and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from allocation.commitments.engine.covered_months import CommitmentMonth
from allocation.commitments.queries import commitments_in
from allocation.meters.engine.months import Month
from allocation.shared_cost.documents import CommitmentPool
from allocation.shared_cost.models import AllocationRun, SharedPool
from allocation.shared_cost.queries.pools import SPEC
from governance.scopes.queries import scope_tree

NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class SharedCommitment:
    """A commitment that a pool shares. It lies at the pool's origin: the whole, so that who used it pays nothing for
    the use alone; or its idle part, so that who used it pays what the usage was booked at. `held` is the pool's own
    amount.
    """

    origin_id: int
    part: Literal["idle", "whole"]
    held: Decimal

    def moved(self, amount: Decimal, booked_cost: Decimal) -> Decimal:
        """What goes to the origin of a part of the commitment that somebody used."""
        return amount if self.part == "whole" else amount - booked_cost


def shared_commitments(run: AllocationRun | None) -> Mapping[str, SharedCommitment]:
    """By the commitment's name, as the run's pools share them."""
    if run is None:
        return {}
    pools = SharedPool.objects.filter(run=run, split__pool_source="commitment").select_related("split")
    declared = [(SPEC.validate_python(pool.split.document).pool, pool) for pool in pools]
    return {
        terms.commitment: SharedCommitment(pool.origin_id, terms.part, pool.own_amount)
        for terms, pool in declared
        if isinstance(terms, CommitmentPool)
    }


def committed_costs(organisation_id: int, month: Month, run: AllocationRun | None) -> dict[int, Decimal]:
    """By scope id, what the month's commitments add to usage as it was booked and to the amounts that the run's pools
    hold. Where none is shared: the difference for what each scope used, and the unused part at the organisation.
    """
    costs: dict[int, Decimal] = defaultdict(lambda: NONE)
    shared = shared_commitments(run)
    for covered in commitments_in(organisation_id, month):
        for scope_id, cost in _of_month(covered, organisation_id, shared.get(covered.commitment.name)):
            costs[scope_id] += cost
    return {scope_id: cost for scope_id, cost in costs.items() if cost}


def _of_month(
    covered: CommitmentMonth, organisation_id: int, pool: SharedCommitment | None
) -> Iterator[tuple[int, Decimal]]:
    ids = {path: node.id for path, node in scope_tree().by_path.items()}
    holder = organisation_id if pool is None else pool.origin_id
    for line in covered.lines:
        if line.day is None:
            yield holder, line.amount
        else:
            yield ids[line.scope], line.amount - line.booked_cost
            if pool is not None:
                moved = pool.moved(line.amount, line.booked_cost)
                yield ids[line.scope], -moved
                yield holder, moved
    if pool is not None:
        yield holder, -pool.held

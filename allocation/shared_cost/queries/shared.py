"""What was shared to a scope and from it, by which method and why; and the fully loaded cost of scopes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.http import urlencode

from allocation.meters.engine.amounts import json_number
from allocation.meters.engine.months import Month
from allocation.shared_cost.documents import Method
from allocation.shared_cost.models import AllocatedCharge, AllocationRun, SharedPool
from allocation.shared_cost.queries.committed import committed_costs
from allocation.shared_cost.queries.pools import direct_usage
from governance.charts.engine.numbers import money, percent
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree

NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class FullyLoaded:
    """The cost of one scope alone. `external` are amounts it holds that no usage record does. What a pool gives is
    subtracted from the pool's scope, though its usage may be of scopes below. `committed` is what commitments cost
    beside these.
    """

    direct: Decimal = NONE
    external: Decimal = NONE
    shared_in: Decimal = NONE
    shared_out: Decimal = NONE
    committed: Decimal = NONE

    @property
    def total(self) -> Decimal:
        return self.direct + self.committed + self.external + self.shared_in - self.shared_out

    def __add__(self, addend: FullyLoaded) -> FullyLoaded:
        return FullyLoaded(
            self.direct + addend.direct,
            self.external + addend.external,
            self.shared_in + addend.shared_in,
            self.shared_out + addend.shared_out,
            self.committed + addend.committed,
        )


@dataclass(frozen=True, slots=True)
class SharedLine:
    """What one pool gave across the scope's border: to it (`origin` gave), or from it (to `recipients` scopes). `ratio`
    is of the pool's amount.

    `why` explains the amount in a sentence. `records` is the address of the pool's usage records, empty for those who
    may not see them and where no usage record holds the amount.
    """

    pool: str
    version: int
    origin: str
    source: str
    method: str
    method_id: str
    ratio: Decimal
    amount: Decimal
    pool_amount: Decimal
    usage_unit: str
    usage_quantity: Decimal
    recipients: int
    rules: tuple[str, ...]
    why: str
    records: str


@dataclass(frozen=True, slots=True)
class SharedCost:
    """Cost of a scope and all below it: only what crosses its border is shared to it or from it."""

    scope: str
    month: Month
    currency: str
    run: AllocationRun | None
    direct: Decimal
    external: Decimal
    shared_in: tuple[SharedLine, ...]
    shared_out: tuple[SharedLine, ...]
    committed: Decimal = NONE

    @property
    def shared_in_total(self) -> Decimal:
        return sum((line.amount for line in self.shared_in), NONE)

    @property
    def shared_out_total(self) -> Decimal:
        return sum((line.amount for line in self.shared_out), NONE)

    @property
    def fully_loaded(self) -> Decimal:
        return self.direct + self.committed + self.external + self.shared_in_total - self.shared_out_total


def run_in_force(organisation_id: int, month: Month) -> AllocationRun | None:
    """The run whose figures hold for the month; None while it has not been split."""
    return AllocationRun.objects.in_force().filter(organisation_id=organisation_id, period_start=month.start).first()


def fully_loaded(organisation_id: int, month: Month, run: AllocationRun | None = None) -> dict[int, FullyLoaded]:
    """By scope id, each without the scopes below it; scopes without cost are left out. By the run in force if none is
    given. The totals sum to the organisation's direct cost, its commitments' bills in place of what their usage was
    booked at, and external amounts, each counted once: as in FOCUS by sub account.
    """
    loaded = {
        scope_id: FullyLoaded(direct=usage.cost) for scope_id, usage in direct_usage(organisation_id, month).items()
    }
    run = run or run_in_force(organisation_id, month)
    for scope_id, cost in committed_costs(organisation_id, month, run).items():
        loaded[scope_id] = replace(loaded.get(scope_id, FullyLoaded()), committed=cost)
    if run is None:
        return loaded
    moved = AllocatedCharge.objects.filter(run=run).exclude(target_id=F("pool__origin_id")).order_by()
    received = moved.values_list("target_id").annotate(total=Sum("amount"))
    given = moved.values_list("pool__origin_id").annotate(total=Sum("amount"))
    outside = SharedPool.objects.filter(run=run, is_external=True).order_by()
    held = outside.values_list("origin_id").annotate(total=Sum("own_amount"))
    for column, sums in (("shared_in", received), ("shared_out", given), ("external", held)):
        for scope_id, total in sums:
            loaded[scope_id] = replace(loaded.get(scope_id, FullyLoaded()), **{column: total})
    return loaded


def by_branch(run: AllocationRun, month: Month) -> dict[int, FullyLoaded]:
    """By scope id: the organisation's own scope alone, and each scope directly below it with all below that.
    `shared_in` and `shared_out` are only what crosses the border between two of them.
    """
    tree = scope_tree()
    branch = {scope_id: _branch(tree, scope_id) for scope_id in tree.descendants(run.organisation_id)}
    branches: dict[int, FullyLoaded] = {}

    def add(scope_id: int, cost: FullyLoaded) -> None:
        branches[branch[scope_id]] = branches.get(branch[scope_id], FullyLoaded()) + cost

    for scope_id, cost in fully_loaded(run.organisation_id, month, run).items():
        add(scope_id, FullyLoaded(direct=cost.direct, external=cost.external, committed=cost.committed))
    moved = AllocatedCharge.objects.filter(run=run).order_by().values_list("pool__origin_id", "target_id")
    for origin_id, target_id, total in moved.annotate(total=Sum("amount")):
        if branch[origin_id] != branch[target_id]:
            add(origin_id, FullyLoaded(shared_out=total))
            add(target_id, FullyLoaded(shared_in=total))
    return branches


def _branch(tree: ScopeTree, scope_id: int) -> int:
    lineage = tree.ancestors(scope_id)
    return lineage[-2] if len(lineage) > 1 else lineage[-1]


def shared_cost(*, actor: Actor, scope_id: int, month: Month) -> SharedCost:
    """By the month's run in force. Lines link to usage records only as far as `actor` may see them."""
    tree = scope_tree()
    node, below = tree.by_id[scope_id], tree.descendants(scope_id)
    used = direct_usage(scope_id, month)
    run = run_in_force(node.root_id, month)
    shared_in: tuple[SharedLine, ...] = ()
    shared_out: tuple[SharedLine, ...] = ()
    external = NONE
    committed = committed_costs(node.root_id, month, run)
    if run is not None:
        charges = AllocatedCharge.objects.filter(run=run)
        inside, from_inside = Q(target__in=below), Q(pool__origin__in=below)
        shared_in = _lines(charges.filter(inside).exclude(from_inside), run, node.path, tree, actor)
        shared_out = _lines(charges.filter(from_inside).exclude(inside), run, node.path, tree, actor)
        held = SharedPool.objects.filter(run=run, is_external=True, origin__in=below)
        external = held.aggregate(total=Sum("own_amount", default=NONE))["total"]
    return SharedCost(
        scope=node.path,
        month=month,
        currency=node.currency,
        run=run,
        direct=sum((usage.cost for usage in used.values()), NONE),
        external=external,
        shared_in=shared_in,
        shared_out=shared_out,
        committed=sum((cost for scope_id, cost in committed.items() if scope_id in set(below)), NONE),
    )


def _lines(
    charges: QuerySet[AllocatedCharge], run: AllocationRun, path: str, tree: ScopeTree, actor: Actor
) -> tuple[SharedLine, ...]:
    rows = (
        charges.filter(~Q(ratio=0) | ~Q(usage_quantity=0))
        .order_by()
        .values("pool_id")
        .annotate(
            part=Sum("ratio"), total=Sum("amount"), quantity=Sum("usage_quantity"), bearers=Count("id"),
            rules=ArrayAgg("rule", distinct=True, filter=~Q(rule=""), default=[]),
        )
    )  # fmt: skip
    by_pool = {row["pool_id"]: row for row in rows}
    pools = SharedPool.objects.filter(pk__in=by_pool).select_related("split").order_by("position")
    quantities_of_all = dict(
        AllocatedCharge.objects.filter(pool__in=by_pool)
        .order_by()
        .values_list("pool_id")
        .annotate(total=Sum("usage_quantity"))
    )
    return tuple(_line(pool, by_pool[pool.pk], quantities_of_all[pool.pk], run, path, tree, actor) for pool in pools)


def _line(
    pool: SharedPool,
    row: Mapping[str, Any],
    quantity_of_all: Decimal,
    run: AllocationRun,
    path: str,
    tree: ScopeTree,
    actor: Actor,
) -> SharedLine:
    origin = tree.by_id[pool.origin_id]
    pool_amount = pool.own_amount + pool.received_amount
    rules = tuple(row["rules"])
    gives = tree.by_path[path].id in tree.ancestors(origin.id)
    who = f"{path} gives" if gives else f"{path} bears"
    part = percent(row["part"])
    why = (
        f"{who} {part} of {pool.split.name} ({money(pool_amount)} {origin.currency} of"
        f" {origin.path}), {_measured(pool, row['quantity'], quantity_of_all)}"
    )
    return SharedLine(
        pool=pool.split.name,
        version=pool.split.version,
        origin=origin.path,
        source=pool.split.pool_source,
        method=pool.method,
        method_id=pool.method_id,
        ratio=row["part"],
        amount=row["total"],
        pool_amount=pool_amount,
        usage_unit=pool.usage_unit,
        usage_quantity=row["quantity"],
        recipients=row["bearers"],
        rules=rules,
        why=f"{why}; {', '.join(rules)}." if rules else f"{why}.",
        records="" if pool.is_external or not actor.sees(origin.path) else records_behind(origin.path, run),
    )


def _measured(pool: SharedPool, quantity: Decimal, of_all: Decimal) -> str:
    match Method(pool.method):
        case Method.EVEN:
            return f"split evenly: {json_number(quantity)} of {json_number(of_all)} recipients"
        case Method.FIXED:
            return f"by a fixed percentage: {json_number(quantity)} of 100"
        case Method.PROPORTIONAL | Method.BY_METRIC:
            return f"by {pool.usage_unit}: {json_number(quantity)} of {json_number(of_all)}"


def records_behind(origin: str, run: AllocationRun) -> str:
    """Address of the API's list of the usage records of a pool."""
    parameters = {"scope": origin, "since": f"{run.period_start}T00:00:00Z", "until": f"{run.period_end}T00:00:00Z"}
    return f"/api/v1/usage?{urlencode(parameters)}"

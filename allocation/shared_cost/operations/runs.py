"""Splitting a month's shared cost. When something has changed a new run is made; runs themselves never change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from allocation.billing_periods.operations import PeriodClosed, hold_periods
from allocation.meters.engine.months import Month
from allocation.shared_cost.engine.pools import PoolsRefused, SplitPool, split_pools
from allocation.shared_cost.models import AllocatedCharge, AllocationRun, RunStatus, SharedCostSplit, SharedPool
from allocation.shared_cost.queries import MonthPools, gather_pools, run_in_force
from governance.errors import DomainError, Forbidden
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from governance.work.operations import copy_rows, each_apart, tell_faults

SPLITTING_HEARTBEAT = "allocation.split_shared_cost"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The run in force afterwards, or a failed one; `is_new`: this call made it."""

    run: AllocationRun
    is_new: bool


class PeriodNotBegun(DomainError):
    """The month lies in the future."""

    code = "period_not_begun"
    status = 422


class NothingToSplit(DomainError):
    """No split is in force in the month, and none was run."""

    code = "nothing_to_split"
    status = 422


class WholeOrganisation(Forbidden):
    """A run needs a right to the whole organisation."""

    code = "organisation_required"


def planned_allocation(*, organisation: Scope, month: Month) -> list[SplitPool]:
    """What a run would split, without making it. Raises PoolsRefused."""
    return split_pools(gather_pools(organisation.pk, month).pools)


@transaction.atomic
def run_allocation(*, organisation: Scope, month: Month, actor: Actor, at: datetime, reason: str = "") -> RunResult:
    """Split the month, unless nothing has changed since the run in force. Pools that cannot be split make a failed run
    with its problem, and the run before stays in force. Raises organisation_required, period_not_begun, period_closed
    and nothing_to_split.
    """
    _check_may_run(organisation, actor)
    if month.since > at:
        raise PeriodNotBegun(f"{month} has not begun; its shared cost is split from its first day on.")
    Scope.objects.select_for_update(of=("self",)).get(pk=organisation.pk)
    _check_open(organisation, month)
    status = RunStatus.PROVISIONAL if at < month.until else RunStatus.FINAL
    try:
        month_pools = gather_pools(organisation.pk, month)
        pools = split_pools(month_pools.pools)
    except PoolsRefused as refused:
        return _failed(organisation, month, f"{refused}.", actor, at, reason)
    digest = _digest(pools, status)
    in_force = run_in_force(organisation.pk, month)
    if in_force is None and not pools:
        raise NothingToSplit(f"{organisation.path} shares no cost in {month}; apply a SharedCostSplit first.")
    if in_force is not None and in_force.digest == digest:
        return RunResult(in_force, is_new=False)
    run = AllocationRun.objects.create(
        supersedes=in_force, status=status, digest=digest, **_run_fields(organisation, month, actor, at, reason)
    )
    _write(run, pools, month_pools)
    _record(run, pools, actor, at)
    return RunResult(run, is_new=True)


def run_open_months(*, at: datetime) -> list[RunResult]:
    """Run the month of `at` and the one before it, unless they are closed, for every organisation with a declared
    split. A fault in one is told by the heartbeat and the log, and stops no other.
    """
    current = Month.of(at.date())
    sharing = Scope.objects.filter(pk__in=SharedCostSplit.objects.values("organisation")).order_by("path")
    done = each_apart(
        [(organisation, month) for organisation in sharing for month in (current.previous, current)],
        lambda due: _run_if_open(*due, at=at),
        named=lambda due: f"{due[0].path} {due[1]}",
    )
    tell_faults(SPLITTING_HEARTBEAT, done.faults, at=at, sentence="the shared cost of %s could not be split")
    return [run for run in done.results if run is not None]


def _run_if_open(organisation: Scope, month: Month, *, at: datetime) -> RunResult | None:
    try:
        return run_allocation(organisation=organisation, month=month, actor=Actor.system(), at=at)
    except (PeriodClosed, NothingToSplit):
        return None


def _check_may_run(organisation: Scope, actor: Actor) -> None:
    may = (
        actor.sees(organisation.path) if actor.key else actor.may_change("allocation.allocationrun", organisation.path)
    )
    if not may:
        raise WholeOrganisation(f"{actor.label} does not split the cost of the whole of {organisation.path}.")


def _check_open(organisation: Scope, month: Month) -> None:
    """A closed month with a final run keeps it. One without is split once more, from figures that no longer change."""
    closed = hold_periods([organisation.pk]).get(organisation.pk)
    in_force = run_in_force(organisation.pk, month)
    is_final = in_force is not None and in_force.status == RunStatus.FINAL
    if closed is not None and month.until <= closed and is_final:
        raise PeriodClosed(f"{month} is closed; its shared cost stays as it was split.")


def _run_fields(organisation: Scope, month: Month, actor: Actor, at: datetime, reason: str) -> dict[str, object]:
    return {
        "organisation": organisation,
        "period_start": month.start,
        "period_end": month.end,
        "made_at": at,
        "made_by": actor.label,
        "reason": reason,
    }


def _failed(organisation: Scope, month: Month, problem: str, actor: Actor, at: datetime, reason: str) -> RunResult:
    digest = sha256(problem.encode()).hexdigest()
    latest = AllocationRun.objects.filter(organisation=organisation, period_start=month.start).order_by("-pk").first()
    if latest is not None and latest.status == RunStatus.FAILED and latest.digest == digest:
        return RunResult(latest, is_new=False)
    failed = AllocationRun.objects.create(
        status=RunStatus.FAILED,
        digest=digest,
        problem=problem[:1000],
        **_run_fields(organisation, month, actor, at, reason),
    )
    return RunResult(failed, is_new=True)


def _digest(pools: Sequence[SplitPool], status: str) -> str:
    content = [
        [
            *(split.pool.name, split.pool.version, str(split.pool.own_amount), str(split.received)),
            [[s.recipient, s.target, str(s.ratio), str(s.amount), str(s.quantity), s.rule] for s in split.shares],
        ]
        for split in pools
    ]
    return sha256(json.dumps([status, content]).encode()).hexdigest()


def _write(run: AllocationRun, pools: Sequence[SplitPool], month_pools: MonthPools) -> None:
    ids = {path: node.id for path, node in scope_tree().by_path.items()}
    rows = SharedPool.objects.bulk_create(
        SharedPool(
            run=run,
            split=month_pools.versions[split.pool.name],
            position=position,
            origin_id=ids[split.pool.origin],
            is_external=not split.pool.passes_on,
            own_amount=split.pool.own_amount,
            received_amount=split.received,
            method=split.pool.method,
            usage_unit=split.pool.unit,
        )
        for position, split in enumerate(pools)
    )
    copy_rows(
        [
            AllocatedCharge(
                run=run,
                pool=row,
                target_id=ids[share.target or split.pool.origin],
                recipient=share.recipient,
                ratio=share.ratio,
                amount=share.amount,
                usage_quantity=share.quantity,
                rule=share.rule,
            )
            for row, split in zip(rows, pools, strict=True)
            for share in split.shares
        ]
    )


def _record(run: AllocationRun, pools: Sequence[SplitPool], actor: Actor, at: datetime) -> None:
    record_decision(
        actor=actor,
        action="allocation.run",
        scope=run.organisation,
        subject=f"allocation_run:{run.pk}",
        reason=run.reason,
        evidence={
            "month": f"{run.period_start:%Y-%m}",
            "status": run.status,
            "digest": run.digest,
            "supersedes": run.supersedes_id,
            "pools": {f"{split.pool.name}@{split.pool.version}": str(split.amount) for split in pools},
        },
        at=at,
    )

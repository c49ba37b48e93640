"""Posting corrections: adjustments beside the records, with roll-ups, charge lines, tasks and the ledger in step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from django.db import transaction
from django.db.models import F

from allocation.corrections.engine.corrections import Correction, CorrectionSums, correction_sums
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.costing import Organisation
from allocation.usage.engine.tasks import DaySums, FirstCall, TaskKey, TaskSums, moved
from allocation.usage.operations import (
    add_task_days,
    book,
    closed_meanwhile,
    lock_tasks,
    pricing_context_for,
    with_retries,
    write_tasks,
)
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.work.engine.locks import CORRECTIONS_LOCK
from governance.work.operations import hold


def lock_corrections(organisation_id: int) -> None:
    """Held to the end of the transaction. Without it two runs could both take a record from the same scope."""
    hold(CORRECTIONS_LOCK, of=organisation_id)


def books_in_force(organisation_id: int, at: datetime) -> Organisation:
    """The organisation's prices, rules and closed periods; no period is closed before the transaction ends."""
    books = pricing_context_for(key_scope_id=organisation_id, at=at).organisations
    if closed_meanwhile(books, [organisation_id]):
        books = pricing_context_for(key_scope_id=organisation_id, at=at).organisations
    return books[organisation_id]


def begin_run(
    *, kind: str, organisation: Scope, since: datetime, until: datetime, reason: str, actor: Actor, at: datetime
) -> AdjustmentRun:
    """Create the run and record the decision, before its first correction."""
    run = AdjustmentRun.objects.create(
        kind=kind, organisation=organisation, since=since, until=until, reason=reason, made_at=at, made_by=actor.label
    )
    record_decision(
        actor=actor,
        action=f"usage.{kind}",
        scope=organisation,
        subject=f"adjustment_run:{run.pk}",
        reason=reason,
        evidence={"since": since.isoformat(), "until": until.isoformat()},
        at=at,
    )
    return run


def finish_run(run: AdjustmentRun, *, at: datetime) -> AdjustmentRun:
    """The run as the database holds it, with the sums of its adjustments."""
    AdjustmentRun.objects.filter(pk=run.pk).update(finished_at=at)
    run.refresh_from_db()
    return run


def post_corrections(*, run: AdjustmentRun, corrections: Sequence[Correction], records: int, at: datetime) -> None:
    """Post all of them or none. `records` is how many records they correct: a record that moves has two corrections."""
    if corrections:
        with_retries(partial(_post, run, corrections, records, at))


@transaction.atomic
def _post(run: AdjustmentRun, corrections: Sequence[Correction], records: int, at: datetime) -> None:
    Adjustment.objects.bulk_create([_row(run, correction, at) for correction in corrections])
    sums = correction_sums(corrections)
    AdjustmentRun.objects.filter(pk=run.pk).update(
        records=F("records") + records,
        cost=F("cost") + from_nanos(sum(correction.sums.cost_nanos for correction in corrections)),
    )
    book(
        write_tasks=partial(_correct_tasks, sums),
        minutes=sums.minutes,
        charges=sums.charges,
        scope_ids={correction.scope_id for correction in corrections},
        at=at,
    )


def _row(run: AdjustmentRun, correction: Correction, at: datetime) -> Adjustment:
    sums = correction.sums
    return Adjustment(
        run=run,
        record_id=correction.record_id,
        record_occurred_at=correction.occurred_at,
        made_at=at,
        booked_at=datetime.fromtimestamp(correction.booked_s, UTC),
        scope_id=correction.scope_id,
        provider=correction.provider,
        model=correction.model,
        activity=correction.activity,
        requests=sums.requests,
        errors=sums.errors,
        unpriced_requests=sums.unpriced_requests,
        partly_unpriced_requests=sums.partly_unpriced_requests,
        unpriced_tokens=sums.unpriced_tokens,
        tokenless_cost=from_nanos(sums.tokenless_nanos),
        input_tokens=sums.input_tokens,
        cached_input_tokens=sums.cached_input_tokens,
        cache_write_tokens=sums.cache_write_tokens,
        output_tokens=sums.output_tokens,
        reasoning_tokens=sums.reasoning_tokens,
        gpu_seconds=sums.gpu_seconds,
        cost=from_nanos(sums.cost_nanos),
        list_cost=from_nanos(correction.list_nanos),
        price_source=correction.price_source,
        price_version=correction.price_version,
        attribution=correction.attribution,
    )


def _correct_tasks(sums: CorrectionSums) -> None:
    """A task whose first call moves to another scope moves with it. One whose calls were all taken back has not begun,
    until they count again.
    """
    if not sums.tasks:
        return
    keys = sorted(sums.tasks)
    before = lock_tasks(keys)
    after: dict[TaskKey, TaskSums] = {}
    for key in keys:
        task, change = before[key], sums.tasks[key]
        first = task.first
        for record_id, scope_id in sums.first_calls.get(key, ()):
            if first is not None and first.record_id == record_id.replace("-", "") and first.scope_id != scope_id:
                first = _move_first_call(sums, first, scope_id)
        requests = task.requests + change.requests
        if first is not None and bool(requests) != bool(task.requests):
            _begin(sums, first, 1 if requests else -1)
        after[key] = replace(
            task,
            first=first,
            requests=requests,
            errors=task.errors + change.errors,
            tokens=task.tokens + change.tokens,
            cost=task.cost + change.cost,
        )
    write_tasks(after)
    add_task_days(sums.task_days)


def _move_first_call(sums: CorrectionSums, first: FirstCall, scope_id: int) -> FirstCall:
    """The call at its new scope; its task is counted there and no longer where it was."""
    arrived = moved(first, scope_id)
    for call, sign in ((first, -1), (arrived, 1)):
        _begin(sums, call, sign)
    return arrived


def _begin(sums: CorrectionSums, first: FirstCall, sign: int) -> None:
    day = sums.task_days.setdefault((first.scope_id, first.on), DaySums())
    day.tasks += sign
    day.first_call_tokens += sign * first.tokens

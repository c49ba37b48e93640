"""Takes outcomes in: each is attributed and counted exactly once, in one transaction per batch."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from allocation.attribution.engine import EXPLICIT, KEYS_OWN, UNATTRIBUTED
from allocation.meters.documents import Fault
from allocation.outcomes.documents import OutcomeEvent
from allocation.outcomes.engine import OutcomeKey, OutcomeSums, PlacedOutcome, by_day, rounded_value
from allocation.outcomes.models import OUTCOME_DAY_TABLE, OUTCOME_TABLE, Outcome
from allocation.quarantine.models import OUTCOME_FORMAT
from allocation.quarantine.operations import RefusedRecord, quarantine, refused_event
from allocation.usage.engine.costing import Organisation, PricingContext, identity
from allocation.usage.models import Task
from allocation.usage.operations import (
    BATCH_MAX,
    BatchTooLarge,
    IngestResult,
    Rejection,
    pricing_context_for,
    with_retries,
)
from governance.work.operations import added

BY_TASK = "task"
TASK_UNKNOWN = Fault(
    "task_unknown", "None of its tasks is known yet; replay it after their usage has arrived.", "task_ids"
)
# Scope of each known task, by its id.
TaskScopes = Mapping[str, int]


def record_outcomes(
    *,
    events: Sequence[OutcomeEvent],
    key_scope_id: int | None,
    at: datetime,
    indexes: Sequence[int] | None = None,
    refused: Sequence[RefusedRecord] = (),
    sender: str = "",
) -> IngestResult:
    """Counts new outcomes and quarantines those that cannot be accepted, as `record_usage` does for usage. `sender` is
    the prefix of the key that sent them, or `import`; empty: not known. Raises BatchTooLarge (`batch_too_large`).
    """
    if len(events) + len(refused) > BATCH_MAX:
        raise BatchTooLarge(f"A batch holds at most {BATCH_MAX:,} records; split it.")
    context = pricing_context_for(key_scope_id=key_scope_id, at=at)
    tasks = _task_scopes(context, events)
    placed: list[PlacedOutcome] = []
    refused_events: list[RefusedRecord] = []
    for index, event in zip(indexes or range(len(events)), events, strict=True):
        outcome = placed_outcome(context, event, tasks, at)
        if isinstance(outcome, Fault):
            refused_events.append(refused_event(index, outcome, event))
        else:
            placed.append(outcome)
    every_refused = [*refused, *refused_events]
    unique = {outcome.key: outcome for outcome in placed}
    # In the order of identity: two batches with the same records wait for each other and cannot deadlock.
    batch = [unique[key] for key in sorted(unique)]

    @transaction.atomic
    def write() -> int:
        new = _counted(batch, sender, at)
        _roll_up(by_day(new))
        quarantine(refused=every_refused, authority_id=key_scope_id, source_format=OUTCOME_FORMAT, sender=sender, at=at)
        return len(new)

    accepted = with_retries(write) if batch or every_refused else 0
    rejections = [
        Rejection(item.index, item.fault.code, item.fault.message, item.fault.field) for item in every_refused
    ]
    return IngestResult(
        accepted=accepted,
        duplicate=len(placed) - accepted,
        rejected=tuple(sorted(rejections, key=lambda rejection: rejection.index)),
    )


def outcome_fault_code(context: PricingContext, event: OutcomeEvent, at: datetime) -> str:
    """The code of the fault that would refuse the event; empty when it would be accepted."""
    outcome = placed_outcome(context, event, _task_scopes(context, [event]), at)
    return outcome.code if isinstance(outcome, Fault) else ""


def placed_outcome(
    context: PricingContext, event: OutcomeEvent, tasks: TaskScopes, at: datetime
) -> PlacedOutcome | Fault:
    """The outcome in the scope it names, else in that of the key or rule that matches it, else in that of its first
    known task. A Fault when it cannot be accepted; `task_unknown` when it has tasks, none of them known yet.
    """
    at_s = event.occurred_at.timestamp()
    attributed = context.time_fault(at_s) or context.attributed_scope(event, at_s)
    if isinstance(attributed, Fault):
        return attributed
    scope_id, organisation, attribution = attributed
    if attribution in {UNATTRIBUTED, KEYS_OWN} and event.task_ids:
        task_scope_id = next((tasks[task_id] for task_id in event.task_ids if task_id in tasks), None)
        if task_scope_id is None or task_scope_id not in context.open_scope_ids:
            return TASK_UNKNOWN
        scope_id, attribution = task_scope_id, BY_TASK
    if event.value is not None and event.value.currency != organisation.prices.currency:
        return Fault(
            "currency_mismatch", f"The organisation counts in {organisation.prices.currency}.", "value.currency"
        )
    return PlacedOutcome(
        identity(organisation.root_id, event.source, event.id),
        event,
        scope_id,
        EXPLICIT if attribution == KEYS_OWN else attribution,
        _booked_on(organisation, at_s, at),
        organisation.root_id,
    )


def _booked_on(organisation: Organisation, at_s: float, at: datetime) -> date:
    """Its own day, or the day of its arrival when its billing period is closed: closed figures do not change."""
    booked_s = at_s if at_s >= organisation.closed_until_s else at.timestamp()
    return datetime.fromtimestamp(booked_s, UTC).date()


def _task_scopes(context: PricingContext, events: Iterable[OutcomeEvent]) -> TaskScopes:
    task_ids = {task_id for event in events if event.scope is None for task_id in event.task_ids}
    if not task_ids or context.home is None:
        return {}
    tasks = Task.objects.filter(organisation_id=context.home.root_id, task_id__in=task_ids, scope__isnull=False)
    return dict(tasks.values_list("task_id", "scope_id"))


def _counted(batch: Sequence[PlacedOutcome], sender: str, at: datetime) -> list[PlacedOutcome]:
    """Those that were new, and those whose identity another sender's outcome has that says something else: under one
    that holds their sender (ADR 50).
    """
    new = _insert(batch, sender, at)
    if not sender or len(new) == len(batch):
        return new
    known = {placed.key for placed in new}
    repeated = {placed.key: placed for placed in batch if placed.key not in known}
    standing = Outcome.objects.filter(identity__in=[UUID(each.identity) for each in repeated.values()])
    apart = [
        placed._replace(identity=identity(placed.root_id, placed.event.source, placed.event.id, sender))
        for earlier in standing.exclude(sender__in=("", sender))
        if (placed := repeated.get((earlier.identity.hex, earlier.occurred_at.astimezone(UTC).isoformat())))
        and _says(earlier) != _says_of(placed)
    ]
    return [*new, *_insert(sorted(apart, key=lambda placed: placed.key), sender, at)]


def _says(outcome: Outcome) -> tuple[object, ...]:
    """All that is counted of it."""
    return (
        outcome.scope_id, outcome.kind, outcome.name, outcome.quantity, outcome.is_success, outcome.value,
        outcome.quality_score, outcome.safety_flags, outcome.task_ids,
    )  # fmt: skip


def _says_of(placed: PlacedOutcome) -> tuple[object, ...]:
    event = placed.event
    return (
        placed.scope_id, event.kind, event.name, event.quantity, event.success, rounded_value(event),
        event.quality_score, _flags(event), _tasks(event),
    )  # fmt: skip


def _flags(event: OutcomeEvent) -> list[str]:
    return sorted(set(event.safety_flags))


def _tasks(event: OutcomeEvent) -> list[str]:
    return list(dict.fromkeys(event.task_ids))


def _insert(batch: Sequence[PlacedOutcome], sender: str, at: datetime) -> list[PlacedOutcome]:
    """Those that were new."""
    if not batch:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {OUTCOME_TABLE} (
                identity, occurred_at, received_at, booked_on, scope_id, source, event_id, kind, name, quantity,
                is_success, value, quality_score, safety_flags, task_ids, attribution, attributes, sender
            )
            SELECT identity, occurred_at, %(at)s, booked_on, scope_id, source, event_id, kind, name, quantity,
                is_success, value, quality_score, safety_flags, task_ids, attribution, attributes, %(sender)s
            FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
                identity uuid, occurred_at timestamptz, booked_on date, scope_id bigint, source text, event_id text,
                kind text, name text, quantity bigint, is_success boolean, value numeric, quality_score numeric,
                safety_flags text[], task_ids text[], attribution text, attributes jsonb
            )
            ON CONFLICT (identity, occurred_at) DO NOTHING RETURNING identity, occurred_at
            """,  # noqa: S608  # our own table name
            {"at": at, "sender": sender, "rows": json.dumps([_row(placed) for placed in batch])},
        )
        new = {(UUID(str(row[0])).hex, row[1].astimezone(UTC).isoformat()) for row in cursor.fetchall()}
    return [placed for placed in batch if placed.key in new]


def _row(placed: PlacedOutcome) -> dict[str, Any]:
    event, value = placed.event, rounded_value(placed.event)
    return {
        "identity": placed.identity,
        "occurred_at": event.occurred_at.isoformat(),
        "booked_on": placed.booked_on.isoformat(),
        "scope_id": placed.scope_id,
        "source": event.source,
        "event_id": event.id,
        "kind": event.kind,
        "name": event.name,
        "quantity": event.quantity,
        "is_success": event.success,
        "value": None if value is None else str(value),
        "quality_score": None if event.quality_score is None else str(event.quality_score),
        "safety_flags": _flags(event),
        "task_ids": _tasks(event),
        "attribution": placed.attribution,
        "attributes": event.attributes or {},
    }


_ADDED = added("count", "successful", "flagged", "value", "quality_sum", "quality_count")


def _roll_up(totals: Mapping[OutcomeKey, OutcomeSums]) -> None:
    ordered = sorted(totals.items(), key=lambda item: item[0])
    rows = [
        {
            **key._asdict(),
            "day": key.day.isoformat(),
            "count": sums.count,
            "successful": sums.successful,
            "flagged": sums.flagged,
            "value": str(sums.value),
            "quality_sum": str(sums.quality_sum),
            "quality_count": sums.quality_count,
        }
        for key, sums in ordered
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {OUTCOME_DAY_TABLE} AS known (
                scope_id, day, kind, name, count, successful, flagged, value, quality_sum, quality_count
            )
            SELECT * FROM jsonb_to_recordset(%s::jsonb) AS row (
                scope_id bigint, day date, kind text, name text, count bigint, successful bigint, flagged bigint,
                value numeric, quality_sum numeric, quality_count bigint
            )
            ON CONFLICT (scope_id, day, kind, name) DO UPDATE SET
                {_ADDED}
            """,  # noqa: S608  # our own table name
            [json.dumps(rows)],
        )

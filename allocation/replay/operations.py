"""Replaying quarantined records once the reason they were refused for is gone. A replayed record keeps its identity: if
it has been recorded in another way meanwhile, it is a duplicate and not counted again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from pydantic import ValidationError

from allocation.meters.documents import Fault, UsageEvent, read_event
from allocation.outcomes.documents import READ_OUTCOME, OutcomeEvent, outcome_fault
from allocation.outcomes.operations import TASK_UNKNOWN, outcome_fault_code, record_outcomes
from allocation.quarantine.models import OUTCOME_FORMAT, QuarantinedUsage
from allocation.usage.operations import IngestResult, held_ratio, pricing_context_for, record_usage, with_retries
from governance.errors import DomainError, Invalid, NotFound, ReasonMissing
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope

REPLAY_BATCH = 500
# Logs are imported a day or two after they were written.
USAGE_EXPECTED_WITHIN = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many records were counted, or had been before. `remaining` counts those still refused, by code."""

    accepted: int
    duplicate: int
    remaining: dict[str, int]


class StillRefused(Invalid):
    """The record as corrected would be refused again."""

    code = "still_refused"


class RecordNotKept(DomainError):
    """There is nothing to correct: only a digest of the record was kept."""

    code = "record_not_kept"


class RecordNotWaiting(DomainError):
    """The record has been replayed, or set aside, before."""

    code = "record_not_waiting"


def replay_early_outcomes(*, at: datetime) -> ReplayResult:
    """Replay outcomes refused with task_unknown in the last three days: the usage of their task may have
    arrived since.
    """
    waiting = QuarantinedUsage.objects.waiting().filter(
        code=TASK_UNKNOWN.code, source_format=OUTCOME_FORMAT, last_seen_at__gte=at - USAGE_EXPECTED_WITHIN
    )
    ids = list(waiting.values_list("pk", flat=True))
    return replay_quarantined(actor=Actor.system("outcomes whose task has come"), ids=ids, at=at)


def replay_quarantined(
    *,
    actor: Actor,
    at: datetime,
    ids: Iterable[int] | None = None,
    code: str | None = None,
    dry_run: bool = False,
    accept_costs: bool = False,
    reason: str = "",
) -> ReplayResult:
    """Replay the waiting records that `actor` may change, if given only `ids` or only those refused with `code`; in
    batches, each in its own transaction. A dry run returns how many would be accepted, duplicates among them. A record
    held for its stated cost is counted at it only with `accept_costs`, which needs a `reason` (ReasonMissing), or once
    the price list is near it.
    """
    if accept_costs and not reason:
        raise ReasonMissing("Say why the stated costs are right: it goes on record.")
    waiting = QuarantinedUsage.objects.waiting().visible_to(actor)
    if ids is not None:
        waiting = waiting.filter(pk__in=list(ids))
    if code is not None:
        waiting = waiting.filter(code=code)
    if not actor.sees_everything:
        # A record without a scope's authority may count anywhere, so only the operator replays it.
        authorities = Scope.objects.filter(pk__in=waiting.values("authority"))
        waiting = waiting.filter(
            authority__in=[each for each in authorities if actor.may_change("allocation.quarantinedusage", each.path)]
        )
    keys = list(waiting.order_by("pk").values_list("pk", flat=True))
    accepted = duplicate = 0
    remaining: dict[str, int] = {}
    for start in range(0, len(keys), REPLAY_BATCH):
        batch = keys[start : start + REPLAY_BATCH]
        run = partial(
            _replay_batch, batch, actor=actor, at=at, dry_run=dry_run, accept_costs=accept_costs, reason=reason
        )
        result = with_retries(run)
        accepted += result.accepted
        duplicate += result.duplicate
        for name, count in result.remaining.items():
            remaining[name] = remaining.get(name, 0) + count
    return ReplayResult(accepted, duplicate, remaining)


@transaction.atomic
def _replay_batch(
    keys: list[int], *, actor: Actor, at: datetime, dry_run: bool, accept_costs: bool, reason: str
) -> ReplayResult:
    rows = list(QuarantinedUsage.objects.waiting().filter(pk__in=keys).order_by("pk").select_for_update())
    by_authority: dict[int | None, list[tuple[QuarantinedUsage, UsageEvent | OutcomeEvent]]] = {}
    remaining: dict[str, int] = {}
    accepted = duplicate = 0
    for row in rows:
        event = _event(row)
        fault = event if isinstance(event, Fault) else _fault(event, row, at, accept_costs=accept_costs)
        if fault is not None:
            remaining[fault.code] = remaining.get(fault.code, 0) + 1
        elif not isinstance(event, Fault):
            by_authority.setdefault(row.authority_id, []).append((row, event))
    for authority_id, pairs in sorted(by_authority.items(), key=lambda item: item[0] or 0):
        if dry_run:
            accepted += len(pairs)
            continue
        for result in _counted([event for _, event in pairs], authority_id, at):
            accepted += result.accepted
            duplicate += result.duplicate
        QuarantinedUsage.objects.filter(pk__in=[row.pk for row, _ in pairs]).update(replayed_at=at)
    if not dry_run:
        for authority_id, pairs in by_authority.items():
            replayed = [row.pk for row, _ in pairs]
            evidence = {"records": replayed}
            _record("usage.replay", actor, authority_id, replayed[0], at, evidence=evidence, reason=reason)
    return ReplayResult(accepted, duplicate, remaining)


@transaction.atomic
def replay_one(*, record_id: int, actor: Actor, at: datetime) -> ReplayResult:
    """As `replay_quarantined`, of one record that somebody names. Raises not_found, permission_denied and
    record_not_waiting.
    """
    row = _waiting_row(record_id, actor)
    return replay_quarantined(ids=[row.pk], actor=actor, at=at)


def correct_quarantined(
    *, record_id: int, changes: Mapping[str, object], reason: str, actor: Actor, at: datetime
) -> ReplayResult:
    """Change fields of a waiting record as it was kept, None takes a field out, and replay it. What it was before is on
    record, with who changed it and why. Raises not_found, permission_denied, reason_missing, record_not_waiting,
    record_not_kept and still_refused; then nothing has changed.
    """
    return with_retries(partial(_correct, record_id, changes, reason=reason, actor=actor, at=at))


@transaction.atomic
def _correct(record_id: int, changes: Mapping[str, object], *, reason: str, actor: Actor, at: datetime) -> ReplayResult:
    row = _waiting_row(record_id, actor, reason=reason)
    if row.payload is None:
        raise RecordNotKept(
            "Of this record only a digest was kept, since it was too large or no JSON object: it can be sent again, not"
            " corrected."
        )
    before = row.payload
    row.payload = {name: value for name, value in {**before, **changes}.items() if value is not None}
    event = _event(row)
    if isinstance(event, Fault):
        raise _still_refused(event)
    # Who writes the cost anew, and says why, accepts it.
    if (fault := _fault(event, row, at, accept_costs="cost" in changes)) is not None:
        raise _still_refused(fault)
    results = list(_counted([event], row.authority_id, at))
    row.replayed_at = at
    row.save(update_fields=["payload", "replayed_at"])
    changed = sorted(name for name in {*before, *row.payload} if before.get(name) != row.payload.get(name))
    _record(
        "usage.correct",
        actor,
        row.authority_id,
        row.pk,
        at,
        reason=reason.strip(),
        evidence={
            "refused_for": row.code,
            "changed": {name: [before.get(name), row.payload.get(name)] for name in changed},
        },
    )
    return ReplayResult(sum(result.accepted for result in results), sum(result.duplicate for result in results), {})


def _still_refused(fault: Fault) -> StillRefused:
    return StillRefused(f"It would be refused again: {fault.message}", fault=fault.code, field=fault.field)


@transaction.atomic
def set_aside_quarantined(*, record_id: int, reason: str, actor: Actor, at: datetime) -> QuarantinedUsage:
    """Decide that a waiting record will never count: it waits no longer, and its money is not asked for again. Raises
    not_found, permission_denied, reason_missing and record_not_waiting.
    """
    row = _waiting_row(record_id, actor, reason=reason)
    row.set_aside_at = at
    row.save(update_fields=["set_aside_at"])
    amount = None if row.amount is None else f"{row.amount:f} {row.currency}".strip()
    evidence = {"refused_for": row.code, "amount": amount}
    _record("usage.set_aside", actor, row.authority_id, row.pk, at, reason=reason.strip(), evidence=evidence)
    return row


def _waiting_row(record_id: int, actor: Actor, *, reason: str | None = None) -> QuarantinedUsage:
    """Locked, and one that the actor may change."""
    row = QuarantinedUsage.objects.visible_to(actor).filter(pk=record_id).select_for_update(of=("self",)).first()
    if row is None:
        raise NotFound("There is no such record among those you may see.")
    if not actor.sees_everything:
        path = "" if row.authority is None else row.authority.path
        check_may_change(actor, "allocation.quarantinedusage", path)
    if reason is not None and not reason.strip():
        raise ReasonMissing("Say why: it goes on record with your name.")
    if row.replayed_at is not None or row.set_aside_at is not None:
        raise RecordNotWaiting("The record waits no longer: it has been replayed or set aside.")
    return row


def _record(
    action: str, actor: Actor, authority_id: int | None, row_id: int, at: datetime, *,
    evidence: Mapping[str, object], reason: str = "",
) -> None:  # fmt: skip
    record_decision(
        actor=actor,
        action=action,
        scope=None if authority_id is None else Scope.objects.get(pk=authority_id),
        subject=f"quarantined_usage:{row_id}",
        reason=reason,
        evidence=dict(evidence),
        at=at,
    )


def _counted(events: list[UsageEvent | OutcomeEvent], authority_id: int | None, at: datetime) -> Iterator[IngestResult]:
    """Usage first: an outcome without a scope of its own goes to that of its task."""
    usage = [event for event in events if isinstance(event, UsageEvent)]
    outcomes = [event for event in events if isinstance(event, OutcomeEvent)]
    if usage:
        yield record_usage(events=usage, key_scope_id=authority_id, costs_accepted=True, at=at)
    if outcomes:
        yield record_outcomes(events=outcomes, key_scope_id=authority_id, at=at)


def _event(row: QuarantinedUsage) -> UsageEvent | OutcomeEvent | Fault:
    """The event, or why its payload is still refused."""
    if row.payload is None:
        return Fault(row.code, row.message, row.field)
    document = json.dumps(row.payload).encode()
    if row.source_format != OUTCOME_FORMAT:
        return read_event(document)
    try:
        return READ_OUTCOME(document)
    except ValidationError as problem:
        return outcome_fault(problem)


def _fault(
    event: UsageEvent | OutcomeEvent, row: QuarantinedUsage, at: datetime, *, accept_costs: bool
) -> Fault | None:
    """None for an event that can be counted now."""
    ratio = 0 if accept_costs else held_ratio(row.source_format)
    context = replace(pricing_context_for(key_scope_id=row.authority_id, at=at), held_ratio=ratio)
    if isinstance(event, OutcomeEvent):
        code = outcome_fault_code(context, event, at)
        return Fault(code, f"{code}.") if code else None
    costed = context.cost(event)
    return costed if isinstance(costed, Fault) else None

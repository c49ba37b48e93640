"""Replaying quarantined records once the reason they were refused for is gone. A replayed record keeps its identity: if
it has been recorded in another way meanwhile, it is a duplicate and not counted again. It belongs to the imports whose
files hold it: withdrawn or replaced, they take it with them, and what they held alone counts no more.
"""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from pydantic import ValidationError

from allocation.meters.documents import EVENT_FIELDS, Fault, UsageEvent, read_event
from allocation.outcomes.documents import OUTCOME_FIELDS, READ_OUTCOME, OutcomeEvent, outcome_fault
from allocation.outcomes.operations import TASK_UNKNOWN, outcome_fault_code, record_outcomes
from allocation.quarantine.models import OUTCOME_FORMAT, QuarantinedUsage
from allocation.quarantine.operations import sanitised
from allocation.usage.engine.call_prices import FOCUS, PROVIDER
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.models import ImportedRefusal
from allocation.usage.operations import (
    Holders,
    IngestResult,
    held_ratio,
    hold_replayed,
    holders_of,
    imports_of,
    pricing_context_for,
    record_usage,
    with_retries,
)
from governance.errors import DomainError, Invalid, NotFound, ReasonMissing
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.work.operations import is_of_the_rows, tell_faults

REPLAY_BATCH = 500
REPLAY_HEARTBEAT = "allocation.replay_early_outcomes"
NOT_RECORDED = Fault("not_recorded", "Recording it failed.")
# Logs are imported a day or two after they were written.
USAGE_EXPECTED_WITHIN = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many records were counted, or had been before. `remaining` counts those still refused, by code; `faults` are
    what recording them failed with, of those with the code NOT_RECORDED.
    """

    accepted: int
    duplicate: int
    remaining: dict[str, int]
    faults: dict[str, Exception] = field(default_factory=dict)

    def __add__(self, other: "ReplayResult") -> "ReplayResult":
        return ReplayResult(
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            dict(Counter(self.remaining) + Counter(other.remaining)),
            self.faults | other.faults,
        )


@dataclass(frozen=True, slots=True)
class _Countable:
    """A waiting record that can be counted: usage as it is costed now, with the imports that hold it, if any."""

    row: QuarantinedUsage
    event: UsageEvent | OutcomeEvent
    record: CostedRecord | None = None
    holders: Holders | None = None


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
    result = replay_quarantined(actor=Actor.system("outcomes whose task has come"), ids=ids, at=at)
    tell_faults(REPLAY_HEARTBEAT, result.faults, at=at, sentence="the early outcome in quarantine, %s, is not recorded")
    return result


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
    the price list is near it. A record that cannot be recorded, whatever the reason, goes on waiting and stops no
    other.
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
    batches = deque(keys[start : start + REPLAY_BATCH] for start in range(0, len(keys), REPLAY_BATCH))
    total = ReplayResult(0, 0, {})
    while batches:
        batch = batches.popleft()
        run = partial(
            _replay_batch, batch, actor=actor, at=at, dry_run=dry_run, accept_costs=accept_costs, reason=reason
        )
        try:
            total = total + with_retries(run)
        except Exception as problem:
            if not is_of_the_rows(problem):
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                batches.extendleft((batch[middle:], batch[:middle]))
                continue
            total = total + ReplayResult(0, 0, {NOT_RECORDED.code: 1}, {f"record {batch[0]}": problem})
    return total


@transaction.atomic
def _replay_batch(
    keys: list[int], *, actor: Actor, at: datetime, dry_run: bool, accept_costs: bool, reason: str
) -> ReplayResult:
    rows = list(QuarantinedUsage.objects.waiting().filter(pk__in=keys).order_by("pk").select_for_update())
    imports = imports_of(row.pk for row in rows)
    by_authority: dict[int | None, list[_Countable]] = {}
    remaining: dict[str, int] = {}
    accepted = duplicate = 0
    for row in rows:
        countable = _countable(row, imports.get(row.pk, ()), at, accept_costs=accept_costs)
        if isinstance(countable, Fault):
            remaining[countable.code] = remaining.get(countable.code, 0) + 1
        else:
            by_authority.setdefault(row.authority_id, []).append(countable)
    for authority_id, parts in sorted(by_authority.items(), key=lambda item: item[0] or 0):
        if dry_run:
            accepted += len(parts)
            continue
        for result in _counted(parts, authority_id, at):
            accepted += result.accepted
            duplicate += result.duplicate
    if not dry_run:
        for authority_id, parts in by_authority.items():
            replayed = [each.row.pk for each in parts]
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
    # Who writes the cost anew, and says why, accepts it.
    countable = _countable(row, imports_of([row.pk]).get(row.pk, ()), at, accept_costs="cost" in changes)
    if isinstance(countable, Fault):
        raise StillRefused(
            f"It would be refused again: {countable.message}", fault=countable.code, field=countable.field
        )
    results = list(_counted([countable], row.authority_id, at))
    # What was mended away may be text, and both the record and the chain keep what they are given.
    row.payload, _ = sanitised(
        row.payload, fields=OUTCOME_FIELDS if row.source_format == OUTCOME_FORMAT else EVENT_FIELDS
    )
    row.save(update_fields=["payload"])
    changed = sorted(name for name in {*before, *row.payload} if before.get(name) != row.payload.get(name))
    values = {name: [before.get(name), row.payload.get(name)] for name in changed}
    evidence = {"refused_for": row.code, "changed": values}
    _record("usage.correct", actor, row.authority_id, row.pk, at, reason=reason.strip(), evidence=evidence)
    return ReplayResult(sum(result.accepted for result in results), sum(result.duplicate for result in results), {})


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


def _counted(parts: Sequence[_Countable], authority_id: int | None, at: datetime) -> Iterator[IngestResult]:
    """Usage first: an outcome without a scope of its own goes to that of its task. A charge of a FOCUS file stays that
    file's, which tells of it in exports.
    """
    became: dict[tuple[str, float], str] = {}
    for billed_by, sender in sorted({_way_of(each.row) for each in parts}):
        of_way = [each for each in parts if _way_of(each.row) == (billed_by, sender)]
        if usage := [each.event for each in of_way if isinstance(each.event, UsageEvent)]:
            holders: dict[tuple[str, float], list[Holders]] = {}
            for each in of_way:
                if each.record is not None and each.holders is not None:
                    holders.setdefault(each.record.key, []).append(each.holders)
            yield record_usage(
                events=usage, key_scope_id=authority_id, billed_by=billed_by, costs_accepted=True, sent_by=sender,
                held_by=partial(hold_replayed, holders=holders, became=became), at=at,
            )  # fmt: skip
    for sender in sorted({each.row.sender for each in parts}):
        of_sender = [each.event for each in parts if each.row.sender == sender]
        if outcomes := [event for event in of_sender if isinstance(event, OutcomeEvent)]:
            yield record_outcomes(events=outcomes, key_scope_id=authority_id, sender=sender, at=at)
    for each in parts:
        each.row.replayed_at = at
        if each.record is not None:
            each.row.record_id = UUID(became.get(each.record.key, each.record.id))
            each.row.record_occurred_at = each.record.event.occurred_at
    QuarantinedUsage.objects.bulk_update(
        [each.row for each in parts], ["replayed_at", "record_id", "record_occurred_at"], batch_size=REPLAY_BATCH
    )


def _way_of(row: QuarantinedUsage) -> tuple[str, str]:
    """Who bills it, and whose record it is."""
    return FOCUS if row.source_format == FOCUS else PROVIDER, row.sender


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


def _countable(
    row: QuarantinedUsage, imports: Sequence[ImportedRefusal], at: datetime, *, accept_costs: bool
) -> _Countable | Fault:
    """The row's event, or why it cannot be counted now."""
    event = _event(row)
    if isinstance(event, Fault):
        return event
    ratio = 0 if accept_costs else held_ratio(row.source_format)
    context = replace(pricing_context_for(key_scope_id=row.authority_id, at=at), held_ratio=ratio)
    if isinstance(event, OutcomeEvent):
        code = outcome_fault_code(context, event, at)
        return Fault(code, f"{code}.") if code else _Countable(row, event)
    record = context.cost(event)
    if isinstance(record, Fault):
        return record
    holders = holders_of(row, imports, record) if imports else None
    return holders if isinstance(holders, Fault) else _Countable(row, event, record, holders)

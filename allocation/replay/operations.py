"""Replaying quarantined records once the reason they were refused for is gone. A replayed record keeps its identity: if
it has been recorded in another way meanwhile, it is a duplicate and not counted again.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from pydantic import ValidationError

from allocation.meters.documents import Fault, UsageEvent, read_event
from allocation.outcomes.documents import READ_OUTCOME, OutcomeEvent, outcome_fault
from allocation.outcomes.operations import OUTCOME_FORMAT, TASK_UNKNOWN, outcome_fault_code, record_outcomes
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.operations import IngestResult, held_ratio, pricing_context_for, record_usage, with_retries
from governance.errors import ReasonMissing
from governance.people.rules import Actor
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
        fault_code = event if isinstance(event, str) else _fault_code(event, row, at, accept_costs=accept_costs)
        if fault_code:
            remaining[fault_code] = remaining.get(fault_code, 0) + 1
        elif not isinstance(event, str):
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
            _record(actor, authority_id, [row.pk for row, _ in pairs], reason, at)
    return ReplayResult(accepted, duplicate, remaining)


def _record(actor: Actor, authority_id: int | None, replayed: list[int], reason: str, at: datetime) -> None:
    record_decision(
        actor=actor,
        action="usage.replay",
        scope=None if authority_id is None else Scope.objects.get(pk=authority_id),
        subject=f"quarantined_usage:{replayed[0]}",
        reason=reason,
        evidence={"records": replayed},
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


def _event(row: QuarantinedUsage) -> UsageEvent | OutcomeEvent | str:
    """The event, or the code for which its payload is still refused."""
    if row.payload is None:
        return row.code
    document = json.dumps(row.payload).encode()
    if row.source_format != OUTCOME_FORMAT:
        read = read_event(document)
        return read.code if isinstance(read, Fault) else read
    try:
        return READ_OUTCOME(document)
    except ValidationError as problem:
        return outcome_fault(problem).code


def _fault_code(event: UsageEvent | OutcomeEvent, row: QuarantinedUsage, at: datetime, *, accept_costs: bool) -> str:
    """Empty for an event that can be counted now."""
    ratio = 0 if accept_costs else held_ratio(row.source_format)
    context = replace(pricing_context_for(key_scope_id=row.authority_id, at=at), held_ratio=ratio)
    if isinstance(event, OutcomeEvent):
        return outcome_fault_code(context, event, at)
    return getattr(context.cost(event), "code", "")

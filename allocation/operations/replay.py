"""Quarantined records once more, after their reason has gone. A replayed record keeps its identity: if it came in
otherwise meanwhile, it is a duplicate and is not counted again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from pydantic import ValidationError

from allocation.documents.events import EVENT, UsageEvent, fault_of
from allocation.engine.costing import Desk
from allocation.models import QuarantinedUsage
from allocation.operations.desks import desk_for
from allocation.operations.ingest import record_usage, with_retries
from governance.models import Scope
from governance.operations import record_decision
from governance.rules import Actor

REPLAY_BATCH = 500


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """`remaining` maps the codes that still stand against records to how many."""

    accepted: int
    duplicate: int
    remaining: dict[str, int]


def replay_quarantined(
    *, actor: Actor, at: datetime, ids: Iterable[int] | None = None, code: str | None = None, dry_run: bool = False
) -> ReplayResult:
    """All that waits and `actor` may change, or of it only `ids`, or only those refused with `code`; batch by batch,
    each in its own transaction. A dry run tells what would be accepted, counting what is there already too.
    """
    waiting = QuarantinedUsage.objects.waiting().visible_to(actor)
    if ids is not None:
        waiting = waiting.filter(pk__in=list(ids))
    if code is not None:
        waiting = waiting.filter(code=code)
    if not actor.sees_everything:
        # What came without a scope's authority may go anywhere: it is the operator's.
        authorities = Scope.objects.filter(pk__in=waiting.values("authority"))
        waiting = waiting.filter(
            authority__in=[each for each in authorities if actor.may_change("allocation.quarantinedusage", each.path)]
        )
    keys = list(waiting.order_by("pk").values_list("pk", flat=True))
    accepted = duplicate = 0
    remaining: dict[str, int] = {}
    for start in range(0, len(keys), REPLAY_BATCH):
        batch = keys[start : start + REPLAY_BATCH]
        result = with_retries(partial(_replay_batch, batch, actor=actor, at=at, dry_run=dry_run))
        accepted += result.accepted
        duplicate += result.duplicate
        for name, count in result.remaining.items():
            remaining[name] = remaining.get(name, 0) + count
    return ReplayResult(accepted, duplicate, remaining)


@transaction.atomic
def _replay_batch(keys: list[int], *, actor: Actor, at: datetime, dry_run: bool) -> ReplayResult:
    rows = list(QuarantinedUsage.objects.waiting().filter(pk__in=keys).order_by("pk").select_for_update())
    by_authority: dict[int | None, list[tuple[QuarantinedUsage, UsageEvent]]] = {}
    remaining: dict[str, int] = {}
    accepted = duplicate = 0
    for row in rows:
        event = _event(row)
        fault_code = event if isinstance(event, str) else _fault(desk_for(key_scope_id=row.authority_id, at=at), event)
        if fault_code:
            remaining[fault_code] = remaining.get(fault_code, 0) + 1
        elif isinstance(event, UsageEvent):
            by_authority.setdefault(row.authority_id, []).append((row, event))
    for authority_id, pairs in sorted(by_authority.items(), key=lambda item: item[0] or 0):
        if dry_run:
            accepted += len(pairs)
            continue
        result = record_usage(events=[event for _, event in pairs], key_scope_id=authority_id, at=at)
        accepted += result.accepted
        duplicate += result.duplicate
        QuarantinedUsage.objects.filter(pk__in=[row.pk for row, _ in pairs]).update(replayed_at=at)
    if not dry_run:
        for authority_id, pairs in by_authority.items():
            _record(actor, authority_id, [row.pk for row, _ in pairs], at)
    return ReplayResult(accepted, duplicate, remaining)


def _record(actor: Actor, authority_id: int | None, replayed: list[int], at: datetime) -> None:
    record_decision(
        actor=actor,
        action="usage.replay",
        scope=None if authority_id is None else Scope.objects.get(pk=authority_id),
        subject=f"quarantine:{replayed[0]}",
        reason="",
        evidence={"records": replayed},
        at=at,
    )


def _event(row: QuarantinedUsage) -> UsageEvent | str:
    """The event, or the code that still stands against it."""
    if row.payload is None:
        return row.code
    try:
        return EVENT.validate_json(json.dumps(row.payload))
    except ValidationError as problem:
        return fault_of(problem).code


def _fault(desk: Desk, event: UsageEvent) -> str:
    outcome = desk.cost(event)
    return getattr(outcome, "code", "")

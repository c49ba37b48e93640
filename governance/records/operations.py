"""Adding to the chain of decision records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.work.operations import copy_values


@transaction.atomic
def record_decision(
    *,
    actor: Actor,
    action: str,
    scope: Scope | None,
    subject: str,
    reason: str,
    evidence: Mapping[str, object],
    at: datetime,
) -> DecisionRecord:
    """Appends a record. Call it last in a transaction: the lock on the chain is held to its end, and others wait.

    `action` is `noun.verb`, `subject` is `noun_in_snake_case:identity`; `evidence` is plain JSON.
    """
    record = DecisionRecord.objects.create(
        decided_at=at,
        actor=actor.label,
        user=actor.user,
        key=actor.key,
        action=action,
        scope=scope,
        scope_path=scope.path if scope is not None else "",
        subject=subject,
        reason=reason,
        evidence=dict(evidence),
    )
    record.refresh_from_db(fields=["seq", "previous_hash", "hash"])
    return record


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision for `record_decisions`; fields as in `record_decision`."""

    action: str
    scope_id: int
    scope_path: str
    subject: str
    reason: str
    evidence: Mapping[str, object]


def record_decisions(decided: Iterable[Decided], *, actor: Actor, at: datetime) -> None:
    """Appends all of them, in order, with one statement, each taken as the one before is chained. Call it last, as
    `record_decision`.
    """
    copy_values(
        DecisionRecord,
        ("action", "scope", "scope_path", "subject", "reason", "evidence"),
        ((one.action, one.scope_id, one.scope_path, one.subject, one.reason, one.evidence) for one in decided),
        same={
            "decided_at": at,
            "actor": actor.label,
            "user": actor.user.pk if actor.user is not None else None,
            "key": actor.key.pk if actor.key is not None else None,
            # The database's own trigger writes these.
            "seq": 0,
            "previous_hash": "",
            "hash": "",
        },
    )

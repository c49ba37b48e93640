"""A question answered from the snapshot: whose key it is, which scope is meant, what stands on it.

`policies.decisions.queries.statement` gives the same answers from the database, and tests compare the two.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from allocation.attribution.documents import WEIR_KEY
from governance.calendar.engine import day_of
from governance.errors import NotFound
from governance.people.engine import key_identity
from governance.scopes.engine import UNATTRIBUTED_SLUG, is_at_or_below
from policies.decisions.documents import PlannedCall, Question
from policies.decisions.engine.decisions import Decision, Reason, decision_of
from policies.decisions.engine.snapshot import KeyLine, ScopeLine, Snapshot
from policies.decisions.errors import (
    KeyRefused,
    SnapshotMissing,
    permission_missing,
    scope_forbidden,
    scope_unknown,
)

LAST_USE_RESOLUTION = timedelta(minutes=1)
STALE = "decisions_stale"


@dataclass(frozen=True, slots=True)
class Trust:
    """How long a snapshot is trusted, and what follows when it is older: a scope whose criticality is one of
    ``fails_closed`` is denied, every other is answered by what was last known.
    """

    stale_after_s: float = 10.0
    fails_closed: frozenset[str] = frozenset({"low"})


def decide(
    snapshot: Snapshot, question: Question, *, plaintext: str, at: datetime, age_s: float, trust: Trust
) -> Decision:
    """``age_s`` is how long ago the snapshot was known to be whole. Raises KeyRefused, Forbidden
    (`permission_missing`), NotFound (`scope_unknown`); SnapshotMissing where a snapshot that is too old does not know
    the key or the scope, which may be newer.
    """
    is_stale = age_s > trust.stale_after_s
    try:
        key, scope = _asked(snapshot, question, plaintext, at)
    except (KeyRefused, NotFound):
        if is_stale:
            raise SnapshotMissing from None
        raise
    _note_use(snapshot, key, at)
    root = snapshot.by_path.get(scope.path.partition("/")[0], scope)
    decision = decision_of(
        snapshot.in_force(scope, at),
        model=question.model,
        evaluated_at=snapshot.evaluated_at,
        last_received_at=snapshot.received.get(root.id),
        at=at,
        age_s=age_s,
        is_stale=is_stale,
    )
    return _doubted(decision, scope, age_s, trust) if is_stale else decision


def _asked(snapshot: Snapshot, question: Question, plaintext: str, at: datetime) -> tuple[KeyLine, ScopeLine]:
    key = _key(snapshot, plaintext, at)
    top = snapshot.scopes.get(key.scope_id)
    if top is None:
        raise KeyRefused
    path = question.scope or _attributed(snapshot, key, top, question.call, at).path
    if not key.may_ask:
        raise permission_missing()
    scope = snapshot.by_path.get(path)
    if scope is None or not is_at_or_below(path, top.path):
        raise scope_unknown(path)
    return key, scope


def _key(snapshot: Snapshot, plaintext: str, at: datetime) -> KeyLine:
    identity = key_identity(plaintext)
    if identity is None:
        raise KeyRefused
    prefix, digest = identity
    key = snapshot.by_prefix.get(prefix)
    if key is None or not hmac.compare_digest(key.digest, digest) or not key.valid_at(at):
        raise KeyRefused
    return key


def _attributed(snapshot: Snapshot, key: KeyLine, top: ScopeLine, call: PlannedCall, at: datetime) -> ScopeLine:
    """As `PricingContext.attributed_scope`: by keys and rules, else a narrow key's own, else the unattributed scope."""
    root = snapshot.by_path.get(top.path.partition("/")[0], top)
    matcher = snapshot.matcher_of(root)
    if matcher.reads_weir_key:
        call = replace(call, attributes={**call.attributes, WEIR_KEY: key.prefix})
    placement = matcher.first_match(call, day_of(at)) if call.attributes or not matcher.needs_attributes else None
    if placement is not None:
        scope = snapshot.scopes.get(placement.scope_id)
        if scope is None or not is_at_or_below(scope.path, top.path):
            raise scope_forbidden()
        return scope
    unattributed = snapshot.by_path.get(f"{root.path}/{UNATTRIBUTED_SLUG}")
    return top if top.id != root.id or unattributed is None else unattributed


def _note_use(snapshot: Snapshot, key: KeyLine, at: datetime) -> None:
    if key.last_used_at is None or key.last_used_at <= at - LAST_USE_RESOLUTION:
        key.last_used_at = at
        snapshot.uses.append((key.id, at))


def _doubted(decision: Decision, scope: ScopeLine, age_s: float, trust: Trust) -> Decision:
    """A decision by a snapshot that is too old."""
    if decision.decision == "deny" or scope.criticality not in trust.fails_closed:
        return decision
    detail = (
        f"Weir has not heard from its database for {age_s:.0f} s, and scopes of criticality {scope.criticality} are"
        " refused until it has."
    )
    refusal = Reason(
        code=STALE, guardrail="", step="", scope=scope.path, limit=trust.stale_after_s, observed=round(age_s, 3),
        unit="s", resets_at=None, retryable=True, detail=detail,
    )  # fmt: skip
    return replace(decision, decision="deny", reasons=(*decision.reasons, refusal))

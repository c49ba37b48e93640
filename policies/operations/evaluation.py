"""Evaluate guardrails: for scopes whose facts changed, and in sweeps for what time alone changes.

Facts are read after the organisations' locks are taken, so of two evaluations of an organisation the later one knows
what the earlier one wrote, and no crossing is told of twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from governance.operations import DirtyClaim, beat, claim_dirty_scopes, settle_dirty_scopes
from governance.queries import ScopeTree, scope_tree
from policies.models import Constraint, EvaluationRun
from policies.operations.gaps import close_gaps, open_gaps
from policies.operations.transitions import write_findings
from policies.queries.assessment import Assessment, Finding, assess
from policies.queries.liveness import EVALUATION_HEARTBEAT

logger = logging.getLogger(__name__)

CLAIM_SCOPES_MAX = 200
WRITE_SCOPES_MAX = 100
SWEEP_HEARTBEAT = "policies.sweep"
RUNS_KEPT_FOR = timedelta(days=7)
# Any constant of our own: the upper half of advisory locks whose lower half is the organisation's id.
EVALUATION_LOCK = 0x57455650 << 32


def evaluate_next_dirty_scopes(*, at: datetime) -> bool:
    """Claim some dirty scopes, evaluate them and all above them, settle the claim. False when none was due.

    The claim commits by itself: usage that arrives meanwhile must not wait for the evaluation to mark a scope again.
    """
    claims = claim_dirty_scopes(limit=CLAIM_SCOPES_MAX, at=at)
    if not claims:
        return False
    tree = scope_tree()
    affected = {
        scope_id for claim in claims if claim.scope_id in tree.by_id for scope_id in tree.ancestors(claim.scope_id)
    }
    _evaluate_and_write(affected, tree=tree, at=at, claims=claims)
    return True


@transaction.atomic
def _evaluate_and_write(
    scope_ids: Collection[int], *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim] = ()
) -> Assessment:
    began = time.monotonic()
    lock_organisations({tree.by_id[scope_id].root_id for scope_id in scope_ids})
    found = assess(at=at, scope_ids=scope_ids)
    transitions = write_findings(found.findings, at=at, before_records=lambda: _settle(claims, found, at))
    if claims:
        _log_run(EvaluationRun.Cause.DIRTY, found, transitions, at, began=began)
    return found


def _settle(claims: Sequence[DirtyClaim], found: Assessment, at: datetime) -> None:
    """Before the decision records, whose chain is the last lock of every transaction."""
    open_gaps(found, at=at)
    if claims:
        settle_dirty_scopes(claims=claims, at=at)
        beat(EVALUATION_HEARTBEAT, at=at)


def sweep(*, at: datetime) -> EvaluationRun:
    """Evaluate every guardrail on every scope: windows slide, timers run out, periods end, guardrails change.

    A first pass reads without a lock; only scopes where something changes are evaluated again, under the lock,
    and written, so that a quiet sweep holds up nobody.
    """
    began = time.monotonic()
    tree = scope_tree()
    found = assess(at=at)
    changed = sorted({finding.scope.id for finding in _to_write(found.findings)})
    transitions = 0
    for start in range(0, len(changed), WRITE_SCOPES_MAX):
        transitions += _write_chunk(changed[start : start + WRITE_SCOPES_MAX], tree=tree, at=at)
    _finish_sweep(found, at)
    return _log_run(EvaluationRun.Cause.SWEEP, found, transitions, at, began=began)


def _to_write(findings: Iterable[Finding]) -> list[Finding]:
    """Also those whose limit is missing: neither in force nor lifted by a person."""
    present = {
        (guardrail, scope_id, step)
        for guardrail, scope_id, step in Constraint.objects.known_for_open_alerts().values_list(
            "guardrail", "scope_id", "step"
        )
    }
    return [
        finding
        for finding in findings
        if finding.needs_writing
        or any((finding.guardrail, finding.scope.id, step) not in present for step in finding.blocked_steps)
    ]


@transaction.atomic
def _write_chunk(scope_ids: Collection[int], *, tree: ScopeTree, at: datetime) -> int:
    lock_organisations({tree.by_id[scope_id].root_id for scope_id in scope_ids})
    return write_findings(assess(at=at, scope_ids=scope_ids).findings, at=at)


@transaction.atomic
def _finish_sweep(found: Assessment, at: datetime) -> None:
    open_gaps(found, at=at)
    close_gaps(found, at=at)
    EvaluationRun.objects.filter(started_at__lt=at - RUNS_KEPT_FOR).delete()
    beat(SWEEP_HEARTBEAT, at=at)


def lock_organisations(root_ids: Iterable[int]) -> None:
    """Until the transaction ends, nobody else evaluates these organisations. In id order."""
    with connection.cursor() as cursor:
        for root_id in sorted(root_ids):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EVALUATION_LOCK | root_id])


def _log_run(cause: str, found: Assessment, transitions: int, at: datetime, *, began: float) -> EvaluationRun:
    run = EvaluationRun.objects.create(
        cause=cause,
        started_at=at,
        finished_at=at + timedelta(seconds=time.monotonic() - began),
        scopes_count=found.scopes_count,
        guardrails_count=found.guardrails_count,
        evaluations_count=found.evaluations_count,
        transitions_count=transitions,
        no_data_count=sum(map(len, found.held.values())),
        errors=list(found.broken.values()),
    )
    if transitions:
        logger.info("%s: %d scopes, %d steps started or ended", cause, found.scopes_count, transitions)
    return run

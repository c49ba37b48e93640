"""Evaluate guardrails: for scopes whose facts changed, and in sweeps for what changes with time alone.

Facts are read after the organisations' locks are taken, so the later of two evaluations of an organisation sees what
the earlier wrote, and no crossing is notified twice.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DataError, IntegrityError, transaction

from governance.scopes.queries import ScopeTree, scope_tree
from governance.work.engine.locks import EVALUATION_LOCK
from governance.work.models import DirtyScope
from governance.work.operations import (
    DirtyClaim,
    beat,
    claim_dirty_scopes,
    hold,
    mark_scopes_dirty,
    settle_dirty_scopes,
)
from policies.constraints.models import Constraint
from policies.evaluation.models import EvaluationRun
from policies.evaluation.operations.gaps import close_gaps, open_gaps
from policies.evaluation.operations.transitions import write_findings
from policies.evaluation.queries import EVALUATION_HEARTBEAT, Assessment, ScopeAssessment, assess
from policies.guardrails.models import GuardrailState

logger = logging.getLogger(__name__)

CLAIM_SCOPES_MAX = 200
DUE_SCOPES_MAX = 1000
# This many are written in about a second, which is the longest that other work of the organisation waits.
WRITE_FINDINGS_MAX = 500
SWEEP_HEARTBEAT = "policies.sweep"
RUNS_KEPT_FOR = timedelta(days=7)


def mark_due_scopes(*, at: datetime) -> int:
    """Mark scopes dirty where a timer has run out or a period is over; returns how many. Scopes that are dirty already
    are left alone: marking them again during a long evaluation would evaluate them twice.
    """
    due = (
        GuardrailState.objects.filter(next_due_at__lte=at)
        .exclude(scope_id__in=DirtyScope.objects.values("scope_id"))
        .order_by("next_due_at")
        .values_list("scope_id", flat=True)[:DUE_SCOPES_MAX]
    )
    scope_ids = set(due)
    mark_scopes_dirty(scope_ids=scope_ids, at=at)
    return len(scope_ids)


def evaluate_next_dirty_scopes(*, at: datetime) -> bool:
    """Claim some dirty scopes, evaluate them and their ancestors, settle the claim. False when none was due.

    The claim is committed before the evaluation: usage that arrives meanwhile can mark a scope again without waiting.
    """
    began = time.monotonic()
    claims = claim_dirty_scopes(limit=CLAIM_SCOPES_MAX, at=at)
    if not claims:
        return False
    tree = scope_tree()
    affected = {
        scope_id for claim in claims if claim.scope_id in tree.by_id for scope_id in tree.ancestors(claim.scope_id)
    }
    portions = _write([affected], tree=tree, at=at, claims=claims)
    if portions:
        _log_run(EvaluationRun.Cause.DIRTY, portions, at, began=began)
    return True


@dataclass(frozen=True, slots=True)
class _Portion:
    """What one transaction assessed and wrote; ``remaining`` are groups of scopes left to later transactions."""

    assessment: Assessment
    transitions_count: int
    remaining: list[list[int]]


def _write(
    groups: Iterable[Collection[int]], *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim] = ()
) -> list[_Portion]:
    """Write each group in its own transaction, so that many breaches at once do not hold the lock for long; the last
    settles the claims. A kill in between loses nothing: states already written are stored, the rest is claimed again.
    """
    waiting = deque(groups)
    portions = []
    while waiting:
        scope_ids = sorted(waiting.popleft())
        try:
            portion = _write_portion(scope_ids, tree=tree, at=at, claims=() if waiting else claims)
        except (IntegrityError, DataError):
            # A row that the database refuses must not keep other scopes from being written.
            logger.exception("%d scope(s) from %d on cannot be written", len(scope_ids), scope_ids[0])
            middle = len(scope_ids) // 2
            waiting.extendleft(half for half in (scope_ids[:middle], scope_ids[middle:]) if middle)
            continue
        portions.append(portion)
        waiting.extend(portion.remaining)
    return portions


@transaction.atomic
def _write_portion(
    scope_ids: Collection[int], *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim]
) -> _Portion:
    lock_organisations({tree.by_id[scope_id].root_id for scope_id in scope_ids})
    assessment = assess(at=at, scope_ids=scope_ids)
    first, *remaining = _groups(finding for finding in assessment.findings if finding.may_need_writing) or [[]]
    written = set(first)
    transitions = write_findings(
        [finding for finding in assessment.findings if finding.may_need_writing and finding.scope.id in written],
        at=at,
        before_records=lambda: _settle(() if remaining else claims, assessment, at),
    )
    return _Portion(assessment, transitions, remaining)


def _groups(findings: Iterable[ScopeAssessment]) -> list[list[int]]:
    """Scope ids of the findings, in groups of at most WRITE_FINDINGS_MAX findings or of a single scope."""
    groups: list[list[int]] = []
    room = 0
    for scope_id, count in sorted(Counter(finding.scope.id for finding in findings).items()):
        if not groups or count > room:
            groups.append([])
            room = WRITE_FINDINGS_MAX
        groups[-1].append(scope_id)
        room -= count
    return groups


def _settle(claims: Sequence[DirtyClaim], assessment: Assessment, at: datetime) -> None:
    """Runs before the decision records are written: their chain is the last lock of every transaction."""
    open_gaps(assessment, at=at)
    if assessment.broken:
        # A guardrail that does not compile has no timers; the sweep evaluates its next version.
        GuardrailState.objects.filter(guardrail__in=assessment.broken, next_due_at__lte=at).update(next_due_at=None)
    if claims:
        settle_dirty_scopes(claims=claims, at=at)
        beat(EVALUATION_HEARTBEAT, at=at)


def sweep(*, at: datetime) -> EvaluationRun:
    """Evaluate every guardrail on every scope, for sliding windows, timers, ended periods and changed guardrails.

    A first pass reads without a lock. Only scopes where something changes are evaluated again under the lock and
    written, so that a sweep without changes blocks nobody.
    """
    began = time.monotonic()
    tree = scope_tree()
    assessment = assess(at=at)
    portions = _write(_groups(_to_write(assessment.findings)), tree=tree, at=at)
    _finish_sweep(assessment, at)
    return _log_run(EvaluationRun.Cause.SWEEP, [_Portion(assessment, 0, []), *portions], at, began=began)


def _to_write(findings: Iterable[ScopeAssessment]) -> list[ScopeAssessment]:
    """Findings that need writing, and those whose constraint is missing: neither in force nor lifted by a person."""
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
        or any((finding.guardrail, finding.scope.id, step) not in present for step in finding.constrained_steps)
    ]


@transaction.atomic
def _finish_sweep(assessment: Assessment, at: datetime) -> None:
    open_gaps(assessment, at=at)
    close_gaps(assessment, at=at)
    EvaluationRun.objects.filter(started_at__lt=at - RUNS_KEPT_FOR).delete()
    beat(SWEEP_HEARTBEAT, at=at)


def lock_organisations(root_ids: Iterable[int]) -> None:
    """Lock these organisations against other evaluations until the transaction ends, in id order."""
    for root_id in sorted(root_ids):
        hold(EVALUATION_LOCK, of=root_id)


def _log_run(cause: str, portions: Sequence[_Portion], at: datetime, *, began: float) -> EvaluationRun:
    """The counts are those of the first portion, which assessed all the scopes."""
    assessment = portions[0].assessment
    transitions = sum(portion.transitions_count for portion in portions)
    run = EvaluationRun.objects.create(
        cause=cause,
        started_at=at,
        finished_at=at + timedelta(seconds=time.monotonic() - began),
        scopes_count=assessment.scopes_count,
        guardrails_count=assessment.guardrails_count,
        evaluations_count=assessment.evaluations_count,
        transitions_count=transitions,
        no_data_count=sum(map(len, assessment.held.values())),
        errors=list(assessment.broken.values()),
    )
    if transitions:
        logger.info("%s: %d scopes, %d steps started or ended", cause, assessment.scopes_count, transitions)
    return run

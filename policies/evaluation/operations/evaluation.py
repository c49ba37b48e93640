"""Evaluate guardrails: for scopes whose facts changed, and in sweeps for what time alone changes.

Facts are read after the organisations' locks are taken, so of two evaluations of an organisation the later one knows
what the earlier one wrote, and no crossing is told of twice.
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
# So many are written in about a second; other work of the organisation waits no longer than that.
WRITE_FINDINGS_MAX = 500
SWEEP_HEARTBEAT = "policies.sweep"
RUNS_KEPT_FOR = timedelta(days=7)


def mark_due_scopes(*, at: datetime) -> int:
    """Scopes where a timer has run out or a period is over count as dirty; how many. Those that wait anyway are left
    as they are: another mark during a long evaluation would only have it done twice.
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
    """Claim some dirty scopes, evaluate them and all above them, settle the claim. False when none was due.

    The claim commits by itself: usage that arrives meanwhile must not wait for the evaluation to mark a scope again.
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
    """What one transaction found and wrote; ``left`` are groups of scopes that it left to others."""

    found: Assessment
    transitions_count: int
    left: list[list[int]]


def _write(
    groups: Iterable[Collection[int]], *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim] = ()
) -> list[_Portion]:
    """Each group in a transaction of its own, so that a storm of breaches holds up nobody for long; the last one
    settles the claims. Whoever is killed in between loses nothing: what is written is remembered, the rest comes again.
    """
    waiting = deque(groups)
    portions = []
    while waiting:
        scope_ids = sorted(waiting.popleft())
        try:
            portion = _write_portion(scope_ids, tree=tree, at=at, claims=() if waiting else claims)
        except (IntegrityError, DataError):
            # One scope's row that the database refuses must not keep the others from being written.
            logger.exception("%d scope(s) from %d on cannot be written", len(scope_ids), scope_ids[0])
            middle = len(scope_ids) // 2
            waiting.extendleft(half for half in (scope_ids[:middle], scope_ids[middle:]) if middle)
            continue
        portions.append(portion)
        waiting.extend(portion.left)
    return portions


@transaction.atomic
def _write_portion(
    scope_ids: Collection[int], *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim]
) -> _Portion:
    lock_organisations({tree.by_id[scope_id].root_id for scope_id in scope_ids})
    found = assess(at=at, scope_ids=scope_ids)
    first, *left = _groups(finding for finding in found.findings if finding.may_need_writing) or [[]]
    here = set(first)
    transitions = write_findings(
        [finding for finding in found.findings if finding.may_need_writing and finding.scope.id in here],
        at=at,
        before_records=lambda: _settle(() if left else claims, found, at),
    )
    return _Portion(found, transitions, left)


def _groups(findings: Iterable[ScopeAssessment]) -> list[list[int]]:
    """Their scopes, in groups of at most WRITE_FINDINGS_MAX findings or of one scope."""
    groups: list[list[int]] = []
    room = 0
    for scope_id, count in sorted(Counter(finding.scope.id for finding in findings).items()):
        if not groups or count > room:
            groups.append([])
            room = WRITE_FINDINGS_MAX
        groups[-1].append(scope_id)
        room -= count
    return groups


def _settle(claims: Sequence[DirtyClaim], found: Assessment, at: datetime) -> None:
    """Before the decision records, whose chain is the last lock of every transaction."""
    open_gaps(found, at=at)
    if found.broken:
        # What cannot be evaluated is not due: its next version is, by the sweep that follows it.
        GuardrailState.objects.filter(guardrail__in=found.broken, next_due_at__lte=at).update(next_due_at=None)
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
    portions = _write(_groups(_to_write(found.findings)), tree=tree, at=at)
    _finish_sweep(found, at)
    return _log_run(EvaluationRun.Cause.SWEEP, [_Portion(found, 0, []), *portions], at, began=began)


def _to_write(findings: Iterable[ScopeAssessment]) -> list[ScopeAssessment]:
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
        or any((finding.guardrail, finding.scope.id, step) not in present for step in finding.constrained_steps)
    ]


@transaction.atomic
def _finish_sweep(found: Assessment, at: datetime) -> None:
    open_gaps(found, at=at)
    close_gaps(found, at=at)
    EvaluationRun.objects.filter(started_at__lt=at - RUNS_KEPT_FOR).delete()
    beat(SWEEP_HEARTBEAT, at=at)


def lock_organisations(root_ids: Iterable[int]) -> None:
    """Until the transaction ends, nobody else evaluates these organisations. In id order."""
    for root_id in sorted(root_ids):
        hold(EVALUATION_LOCK, of=root_id)


def _log_run(cause: str, portions: Sequence[_Portion], at: datetime, *, began: float) -> EvaluationRun:
    """The first portion looked at all the scopes."""
    found = portions[0].found
    transitions = sum(portion.transitions_count for portion in portions)
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

"""Evaluate guardrails: for scopes whose facts changed, and in sweeps for what changes with time alone.

Facts are read after the organisations' locks are taken, so the later of two evaluations of an organisation sees what
the earlier wrote, and no crossing is notified twice.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from governance.scopes.queries import ScopeTree, scope_tree
from governance.work.models import DirtyScope
from governance.work.operations import (
    ANY_DIRTY,
    Apart,
    WhichDirty,
    claim_dirty_scopes,
    each_apart,
    is_of_the_rows,
    mark_scopes_dirty,
    tell_faults,
)
from policies.evaluation.models import EvaluationRun
from policies.evaluation.operations.gaps import close_gaps, open_gaps, tell_again
from policies.evaluation.operations.portions import Group, Written, grouped, write
from policies.evaluation.queries import Assessment, assess, guardrails_by_scope
from policies.guardrails.models import GuardrailState
from policies.guardrails.operations import watch_lines_again

logger = logging.getLogger(__name__)

CLAIM_SCOPES_MAX = 200
DUE_SCOPES_MAX = 1000
UNCOUNTED_MAX = 10
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


def evaluate_next_dirty_scopes(*, at: datetime, which: WhichDirty = ANY_DIRTY) -> bool:
    """Claim some dirty scopes, evaluate them and their ancestors, settle the claim. False when none was due.

    The claim is committed before the evaluation: usage that arrives meanwhile can mark a scope again without waiting.
    """
    began = time.monotonic()
    claims = claim_dirty_scopes(limit=CLAIM_SCOPES_MAX, at=at, which=which)
    if not claims:
        return False
    tree = scope_tree()
    affected = {
        scope_id for claim in claims if claim.scope_id in tree.by_id for scope_id in tree.ancestors(claim.scope_id)
    }
    written = write(_groups(affected), tree=tree, at=at, claims=claims)
    if written.portions or written.refusals:
        _log_run(EvaluationRun.Cause.DIRTY, written.assessments, written, at, began=began)
    return True


def _groups(scope_ids: Collection[int]) -> list[Group]:
    """Few scopes are not worth counting what they would have to write."""
    if len(scope_ids) <= UNCOUNTED_MAX:
        return [Group(tuple(sorted(scope_ids)))] if scope_ids else []
    return grouped(guardrails_by_scope(scope_ids))


def sweep(*, at: datetime) -> EvaluationRun:
    """Evaluate every guardrail on every scope, for sliding windows, timers, ended periods and changed guardrails.

    A first pass reads without a lock. Only scopes where something changes are evaluated again under the lock and
    written, so that a sweep without changes blocks nobody.
    """
    began = time.monotonic()
    if watch_lines_again():
        logger.info("charges watch the lines that the guardrails in force draw on budgets; they did not before")
    tree = scope_tree()
    seen = _seen_by_organisation(tree, at)
    to_write = Counter(
        finding.scope.id for assessment in seen.results for finding in assessment.findings if finding.needs_writing
    )
    # What stopped the pass over an organisation is found, and set aside, while it is written.
    failing = {scope_id for path in seen.faults for scope_id in tree.descendants(tree.by_path[path].id)}
    written = write(grouped({**to_write, **guardrails_by_scope(failing)}), tree=tree, at=at)
    again = [portion for portion in written.assessments if seen.faults]
    _finish_sweep([*seen.results, *again], written, at)
    tell_faults(SWEEP_HEARTBEAT, seen.faults, at=at, sentence="the sweep of %s failed; its scopes are tried apart")
    return _log_run(EvaluationRun.Cause.SWEEP, [*seen.results, *again], written, at, began=began)


def _seen_by_organisation(tree: ScopeTree, at: datetime) -> Apart[Assessment]:
    """One pass over everything; only where that fails one over each organisation, so that a fault stays its own."""
    try:
        return Apart([_read(at, None)])
    except Exception as problem:
        if not is_of_the_rows(problem):
            raise
    return each_apart(
        tree.roots, lambda root_id: _read(at, tree.descendants(root_id)), named=lambda root_id: tree.by_id[root_id].path
    )


@transaction.atomic
def _read(at: datetime, scope_ids: Collection[int] | None) -> Assessment:
    return assess(at=at, scope_ids=scope_ids)


@transaction.atomic
def _finish_sweep(seen: Sequence[Assessment], written: Written, at: datetime) -> None:
    for assessment in seen:
        open_gaps(assessment.held, at=at)
    held = [*(assessment.held for assessment in seen), written.set_aside]
    close_gaps(*held, at=at)
    tell_again(*held, at=at)
    EvaluationRun.objects.filter(started_at__lt=at - RUNS_KEPT_FOR).delete()


def _log_run(
    cause: str, assessments: Sequence[Assessment], written: Written, at: datetime, *, began: float
) -> EvaluationRun:
    """``assessments`` are of all the scopes, each once; those of what could not be written are missing."""
    run = EvaluationRun.objects.create(
        cause=cause,
        started_at=at,
        finished_at=at + timedelta(seconds=time.monotonic() - began),
        scopes_count=sum(assessment.scopes_count for assessment in assessments),
        guardrails_count=max((assessment.guardrails_count for assessment in assessments), default=0),
        evaluations_count=sum(assessment.evaluations_count for assessment in assessments),
        transitions_count=written.transitions_count,
        no_data_count=sum(len(held) for assessment in assessments for held in assessment.held.values()),
        errors=[
            *dict.fromkeys(broken for assessment in assessments for broken in assessment.broken.values()),
            *written.refusals,
        ],
    )
    if run.transitions_count:
        logger.info("%s: %d scopes, %d steps started or ended", cause, run.scopes_count, run.transitions_count)
    return run

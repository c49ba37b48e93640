"""Evaluates scopes whose budget a charge has just brought to a line, inside the transaction that charges it."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

from governance.scopes.queries import scope_tree
from policies.evaluation.models import EvaluationRun
from policies.evaluation.operations.portions import lock_organisations
from policies.evaluation.operations.transitions import write_findings
from policies.evaluation.queries import Assessment, assess
from policies.guardrails.engine.facts import CATALOGUE
from policies.guardrails.queries import ActiveGuardrail, ActiveGuardrails, active_guardrails

# The sender waits for it, and so does whoever is charged to the same accounts.
SCOPES_MAX, FINDINGS_MAX = 50, 50
HELD = frozenset({"no_data", "error"})


def evaluate_charged_scopes(*, scope_ids: Collection[int], at: datetime) -> Collection[int]:
    """Evaluates the guardrails that read budgets, and returns the scopes of which they have nothing more to say: not
    those of which something is held or which are too many, they are left to an evaluation of their own. The caller
    calls it last, as other places of `docs/locks.md` than its own are taken, and waits for their locks a bounded time.
    """
    began = time.monotonic()
    active = active_guardrails()
    reading = tuple(guardrail for guardrail in active.guardrails if _reads_budgets(guardrail))
    tree = scope_tree()
    known = tree.by_id.keys() & set(scope_ids)
    if not reading or not known or len(known) > SCOPES_MAX:
        return ()
    lock_organisations({tree.by_id[scope_id].root_id for scope_id in known})
    assessment = assess(
        at=at, scope_ids=known, guardrails=ActiveGuardrails(guardrails=reading, broken=active.broken), tree=tree
    )
    held = {finding.scope.id for findings in assessment.held.values() for finding in findings}
    # Where a guardrail that was not looked at remembers something, it has a finding without an outcome.
    findings = [
        finding
        for finding in assessment.findings
        if finding.outcome is not None and finding.outcome.status not in HELD and finding.needs_writing
    ]
    if len(findings) > FINDINGS_MAX:
        return ()
    transitions_count = write_findings(findings, at=at)
    if transitions_count:
        _log_run(assessment, transitions_count, at, began)
    return known - held


def _reads_budgets(guardrail: ActiveGuardrail) -> bool:
    return any(CATALOGUE[key.fact].is_budget for key in guardrail.compiled.fact_keys)


def _log_run(assessment: Assessment, transitions_count: int, at: datetime, began: float) -> None:
    EvaluationRun.objects.create(
        cause=EvaluationRun.Cause.CROSSING,
        started_at=at,
        finished_at=at + timedelta(seconds=time.monotonic() - began),
        scopes_count=assessment.scopes_count,
        guardrails_count=assessment.guardrails_count,
        evaluations_count=assessment.evaluations_count,
        transitions_count=transitions_count,
    )

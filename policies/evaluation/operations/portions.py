"""Findings written in transactions of a bounded size, so that many breaches at once do not hold the lock for long.

What cannot be written, whatever the reason, is set aside with its guardrail and scope, and keeps nothing else from
being written.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from django.db import transaction

from governance.scopes.queries import ScopeTree
from governance.work.engine.locks import EVALUATION_LOCK
from governance.work.operations import DirtyClaim, beat, hold, is_of_the_rows, settle_dirty_scopes
from policies.evaluation.operations.gaps import HeldFindings, open_gaps
from policies.evaluation.operations.transitions import MANY, write_findings
from policies.evaluation.queries import (
    EVALUATION_HEARTBEAT,
    Ahead,
    Assessment,
    ScopeAssessment,
    assess,
    calendar_month,
    guardrails_on,
)
from policies.guardrails.engine.types import Evaluation
from policies.guardrails.models import GuardrailState

logger = logging.getLogger(__name__)
ItemT = TypeVar("ItemT")

# This many are written in less than a second, which is the longest that other work of the organisation waits.
WRITE_FINDINGS_MAX = 1000
REASON_MAX = 300
# So many in a row without one that can be written: it is the organisation that fails, and looking for the scope or the
# guardrail would take as many transactions as it has scopes.
FAILURES_IN_A_ROW_MAX = 50


@dataclass(frozen=True, slots=True)
class Portion:
    """What one transaction assessed (``is_again``: as another did before) and wrote; ``remaining`` is left to later
    ones.
    """

    assessment: Assessment
    transitions_count: int = 0
    remaining: tuple[Group, ...] = ()
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Scopes to write in one transaction; of a single scope perhaps some guardrails only (None: all)."""

    scope_ids: tuple[int, ...]
    guardrails: frozenset[str] | None = None
    is_assessed: bool = False

    def holds(self, finding: ScopeAssessment) -> bool:
        """Whether the finding is to be written with this group."""
        return self.guardrails is None or finding.guardrail in self.guardrails

    def root_ids(self, tree: ScopeTree) -> set[int]:
        return {tree.by_id[scope_id].root_id for scope_id in self.scope_ids}


@dataclass(slots=True)
class Written:
    """Portions in the order in which they were written, and findings set aside, as held, by organisation id."""

    portions: list[Portion] = field(default_factory=list)
    set_aside: dict[int, list[ScopeAssessment]] = field(default_factory=lambda: defaultdict(list))
    failed_in_a_row: Counter[int] = field(default_factory=Counter)
    """Groups that were set aside since one was written, by organisation id."""
    told: set[str] = field(default_factory=set)
    """Faults that were logged."""

    @property
    def transitions_count(self) -> int:
        return sum(portion.transitions_count for portion in self.portions)

    @property
    def assessments(self) -> list[Assessment]:
        """Of every scope once."""
        return [portion.assessment for portion in self.portions if not portion.is_again]

    @property
    def refusals(self) -> list[str]:
        """A sentence for each finding set aside."""
        return [
            f"{finding.guardrail} on {finding.scope.path}: {finding.outcome.reason}"
            for findings in self.set_aside.values()
            for finding in findings
            if finding.outcome is not None
        ]


def write(groups: Iterable[Group], *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim] = ()) -> Written:
    """Write each group in its own transaction; the last settles the claims, also when its own rows are refused. A kill
    in between loses nothing: states already written are stored, the rest is claimed again.

    While the findings of one group are written, if they are many, the next is evaluated ahead.
    """
    waiting = deque(groups)
    ahead = Ahead(at)
    written = Written()
    is_settled = not claims
    while waiting:
        group = waiting.popleft()
        settles = () if waiting else claims
        try:
            following = waiting[0].scope_ids if waiting else ()
            portion = _write_portion(group, tree=tree, at=at, claims=settles, ahead=ahead, following=following)
        except Exception as problem:
            if not is_of_the_rows(problem):
                raise
            waiting.extendleft(reversed(_parts_or_set_aside(group, problem, written, tree=tree, at=at)))
            continue
        for root_id in group.root_ids(tree):
            written.failed_in_a_row.pop(root_id, None)
        is_settled = is_settled or bool(settles and not portion.remaining)
        written.portions.append(portion)
        waiting.extend(portion.remaining)
    if written.set_aside or not is_settled:
        _settle_rest(written.set_aside, () if is_settled else claims, at)
    return written


def grouped(counts: Mapping[int, int]) -> list[Group]:
    """Scopes, each with how much it has to write, in groups of at most WRITE_FINDINGS_MAX or of a single scope."""
    groups: list[list[int]] = []
    room = 0
    for scope_id, count in sorted(counts.items()):
        if not groups or count > room:
            groups.append([])
            room = WRITE_FINDINGS_MAX
        groups[-1].append(scope_id)
        room -= count
    return [Group(tuple(scope_ids)) for scope_ids in groups]


def lock_organisations(root_ids: Iterable[int]) -> None:
    """Lock these organisations against other evaluations until the transaction ends, in id order."""
    for root_id in sorted(root_ids):
        hold(EVALUATION_LOCK, of=root_id)


@transaction.atomic
def _write_portion(
    group: Group,
    *,
    tree: ScopeTree,
    at: datetime,
    claims: Sequence[DirtyClaim],
    ahead: Ahead,
    following: Sequence[int],
) -> Portion:
    lock_organisations(group.root_ids(tree))
    assessment = assess(at=at, scope_ids=group.scope_ids, ahead=ahead)
    findings = [finding for finding in assessment.findings if finding.may_need_writing and group.holds(finding)]
    groups = grouped(Counter(finding.scope.id for finding in findings)) if group.guardrails is None else []
    first, remaining = (groups[0], groups[1:]) if groups else (group, [])
    to_write = [finding for finding in findings if finding.scope.id in first.scope_ids]
    transitions = write_findings(
        to_write,
        at=at,
        before_records=lambda: _settle(() if remaining else claims, assessment, at),
        meanwhile=ahead.prepare(following) if len(to_write) >= MANY else (),
    )
    rest = tuple(replace(other, is_assessed=True) for other in remaining)
    return Portion(assessment, transitions, rest, is_again=group.is_assessed)


def _parts_or_set_aside(
    group: Group, problem: Exception, written: Written, *, tree: ScopeTree, at: datetime
) -> list[Group]:
    """What is left to try of a group that failed. None when it was set aside, since it cannot be parted any more, or
    its organisation fails altogether.
    """
    fault = f"{type(problem).__name__}: {_first_line(problem)}"
    if fault not in written.told:
        written.told.add(fault)
        logger.error(
            "%d scope(s) from %d on cannot be written", len(group.scope_ids), group.scope_ids[0], exc_info=problem
        )
    root_ids = group.root_ids(tree)
    if len(root_ids) > 1:
        of_root: dict[int, list[int]] = {root_id: [] for root_id in sorted(root_ids)}
        for scope_id in group.scope_ids:
            of_root[tree.by_id[scope_id].root_id].append(scope_id)
        return [replace(group, scope_ids=tuple(scope_ids)) for scope_ids in of_root.values()]
    (root_id,) = root_ids
    fails_altogether = written.failed_in_a_row[root_id] >= FAILURES_IN_A_ROW_MAX
    parts = [] if fails_altogether else _halves(group, at)
    if not parts:
        written.failed_in_a_row[root_id] += 1
        written.set_aside[root_id] += _as_held(group, problem, at)
    return parts


def _halves(group: Group, at: datetime) -> list[Group]:
    """The group in two: its scopes, or of a single scope its guardrails. None of what cannot be halved."""
    if len(group.scope_ids) > 1:
        return [replace(group, scope_ids=tuple(scope_ids)) for scope_ids in _halved(group.scope_ids)]
    names = sorted({finding.guardrail for finding in _to_write(group, at)})
    if len(names) <= 1:
        return []
    first, second = (Group(group.scope_ids, frozenset(half), group.is_assessed) for half in _halved(names))
    return [first, replace(second, is_assessed=True)]


def _halved(items: Sequence[ItemT]) -> tuple[Sequence[ItemT], Sequence[ItemT]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _to_write(group: Group, at: datetime) -> list[ScopeAssessment]:
    """None when not even that can be said."""
    try:
        with transaction.atomic():
            findings = assess(at=at, scope_ids=group.scope_ids).findings
    except Exception as problem:
        if not is_of_the_rows(problem):
            raise
        return []
    return [finding for finding in findings if finding.may_need_writing and group.holds(finding)]


def _as_held(group: Group, problem: Exception, at: datetime) -> list[ScopeAssessment]:
    """The findings of the group as held, or where none can be made all that speaks to its scopes: the next sweep tries
    them again.
    """
    why = _first_line(problem)
    if findings := _to_write(group, at):
        outcome = Evaluation(status="error", reason=f"Held: what was found cannot be stored ({why}).")
        return [replace(finding, ended=None, outcome=outcome) for finding in findings]
    outcome = Evaluation(status="error", reason=f"Held: the evaluation failed ({type(problem).__name__}: {why}).")
    return [
        ScopeAssessment(view, guardrail.name, calendar_month(at), guardrail, outcome=outcome)
        for view, guardrail in guardrails_on(group.scope_ids)
        if group.guardrails is None or guardrail.name in group.guardrails
    ]


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0][:REASON_MAX].rstrip(".")


def _settle(claims: Sequence[DirtyClaim], assessment: Assessment, at: datetime) -> None:
    """Runs before the decision records are written: their chain is the last lock of every transaction."""
    open_gaps(assessment.held, at=at)
    if assessment.broken:
        # A guardrail that does not compile has no timers; the sweep evaluates its next version.
        GuardrailState.objects.filter(guardrail__in=assessment.broken, next_due_at__lte=at).update(next_due_at=None)
    if assessment.unreadable_ids:
        # Else it would be due again at once, for ever. Once it is mended the sweep sees it.
        GuardrailState.objects.filter(id__in=assessment.unreadable_ids, next_due_at__lte=at).update(next_due_at=None)
    _settle_claims(claims, at)


@transaction.atomic
def _settle_rest(set_aside: HeldFindings, claims: Sequence[DirtyClaim], at: datetime) -> None:
    lock_organisations(set_aside)
    _put_timers_off(set_aside, at)
    open_gaps(set_aside, at=at)
    _settle_claims(claims, at)


def _put_timers_off(set_aside: HeldFindings, at: datetime) -> None:
    """What is set aside waits for the next sweep: by its timer it would be due again at once, before all others."""
    for findings in set_aside.values():
        due = GuardrailState.objects.filter(
            scope_id__in={finding.scope.id for finding in findings},
            guardrail__in={finding.guardrail for finding in findings},
            next_due_at__lte=at,
        )
        try:
            with transaction.atomic():
                due.update(next_due_at=None)
        except Exception as problem:
            if not is_of_the_rows(problem):
                raise
            logger.exception("the timers of %d finding(s) that are set aside cannot be put off", len(findings))


def _settle_claims(claims: Sequence[DirtyClaim], at: datetime) -> None:
    if claims:
        settle_dirty_scopes(claims=claims, at=at)
        beat(EVALUATION_HEARTBEAT, at=at)

"""Findings written in transactions of a bounded size, so that many breaches at once do not hold the lock for long.

A row that the database refuses is set aside with its guardrail and scope, and keeps nothing else from being written.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from django.db import DataError, IntegrityError, ProgrammingError, transaction
from psycopg.errors import RaiseException

from governance.scopes.queries import ScopeTree
from governance.work.engine.locks import EVALUATION_LOCK
from governance.work.operations import DirtyClaim, beat, hold, settle_dirty_scopes
from policies.evaluation.operations.gaps import HeldFindings, open_gaps
from policies.evaluation.operations.transitions import write_findings
from policies.evaluation.queries import EVALUATION_HEARTBEAT, Assessment, ScopeAssessment, assess
from policies.guardrails.engine.types import Evaluation
from policies.guardrails.models import GuardrailState

logger = logging.getLogger(__name__)
ItemT = TypeVar("ItemT")

# This many are written in less than a second, which is the longest that other work of the organisation waits.
WRITE_FINDINGS_MAX = 1000
REASON_MAX = 300


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


@dataclass(slots=True)
class Written:
    """Portions in the order in which they were written, and findings set aside, as held, by organisation id."""

    portions: list[Portion] = field(default_factory=list)
    set_aside: dict[int, list[ScopeAssessment]] = field(default_factory=lambda: defaultdict(list))

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
    """
    waiting = deque(groups)
    written = Written()
    is_settled = not claims
    while waiting:
        group = waiting.popleft()
        settles = () if waiting else claims
        try:
            portion = _write_portion(group, tree=tree, at=at, claims=settles)
        except (IntegrityError, DataError, ProgrammingError) as problem:
            if not _is_refused_row(problem):
                raise
            logger.exception("%d scope(s) from %d on cannot be written", len(group.scope_ids), group.scope_ids[0])
            parts = _halves(group, at)
            if not parts:
                _set_aside(written.set_aside, group, problem, tree=tree, at=at)
            waiting.extendleft(reversed(parts))
            continue
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


@transaction.atomic
def _write_portion(group: Group, *, tree: ScopeTree, at: datetime, claims: Sequence[DirtyClaim]) -> Portion:
    _lock_organisations({tree.by_id[scope_id].root_id for scope_id in group.scope_ids})
    assessment = assess(at=at, scope_ids=group.scope_ids)
    findings = [finding for finding in assessment.findings if finding.may_need_writing and group.holds(finding)]
    groups = grouped(Counter(finding.scope.id for finding in findings)) if group.guardrails is None else []
    first, remaining = (groups[0], groups[1:]) if groups else (group, [])
    transitions = write_findings(
        [finding for finding in findings if finding.scope.id in first.scope_ids],
        at=at,
        before_records=lambda: _settle(() if remaining else claims, assessment, at),
    )
    rest = tuple(replace(other, is_assessed=True) for other in remaining)
    return Portion(assessment, transitions, rest, is_again=group.is_assessed)


def _is_refused_row(problem: Exception) -> bool:
    """By a constraint, a type or a trigger; any other fault of a statement is ours."""
    return not isinstance(problem, ProgrammingError) or isinstance(problem.__cause__, RaiseException)


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


def _to_write(group: Group, at: datetime) -> Iterator[ScopeAssessment]:
    findings = assess(at=at, scope_ids=group.scope_ids).findings
    return (finding for finding in findings if finding.may_need_writing and group.holds(finding))


def _set_aside(
    set_aside: dict[int, list[ScopeAssessment]], group: Group, problem: Exception, *, tree: ScopeTree, at: datetime
) -> None:
    """The findings of the group as held: the next sweep tries them again."""
    why = str(problem).strip().partition("\n")[0][:REASON_MAX].rstrip(".")
    outcome = Evaluation(status="error", reason=f"Held: what was found cannot be stored ({why}).")
    for finding in _to_write(group, at):
        set_aside[tree.by_id[finding.scope.id].root_id].append(replace(finding, ended=None, outcome=outcome))


def _settle(claims: Sequence[DirtyClaim], assessment: Assessment, at: datetime) -> None:
    """Runs before the decision records are written: their chain is the last lock of every transaction."""
    open_gaps(assessment.held, at=at)
    if assessment.broken:
        # A guardrail that does not compile has no timers; the sweep evaluates its next version.
        GuardrailState.objects.filter(guardrail__in=assessment.broken, next_due_at__lte=at).update(next_due_at=None)
    _settle_claims(claims, at)


@transaction.atomic
def _settle_rest(set_aside: HeldFindings, claims: Sequence[DirtyClaim], at: datetime) -> None:
    _lock_organisations(set_aside)
    open_gaps(set_aside, at=at)
    _settle_claims(claims, at)


def _settle_claims(claims: Sequence[DirtyClaim], at: datetime) -> None:
    if claims:
        settle_dirty_scopes(claims=claims, at=at)
        beat(EVALUATION_HEARTBEAT, at=at)


def _lock_organisations(root_ids: Iterable[int]) -> None:
    """Lock these organisations against other evaluations until the transaction ends, in id order."""
    for root_id in sorted(root_ids):
        hold(EVALUATION_LOCK, of=root_id)

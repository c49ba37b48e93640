"""Whether approvers sleep: what is due, a reminder or an escalation, each once while they are waited for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from budgets.approval_rules.documents import ApprovalSpec, WhenLate, Who
from budgets.approval_rules.engine.working_time import WorkingTime

# After these somebody of the approvers is waited for; after a question the team is.
BEGIN = frozenset({"submitted", "answer", "agreed"})
QUESTION, AGREED, REMINDED, ESCALATED = "question", "agreed", "reminded", "escalated"


@dataclass(frozen=True, slots=True)
class Said:
    """A step of the thread, as far as it counts here."""

    kind: str
    at: datetime
    by: int | None = None


def due(spec: ApprovalSpec, said: Iterable[Said], *, at: datetime) -> Literal["remind", "escalate"] | None:
    """What is due by the thread, first to last. An escalation comes in the place of a reminder that was missed; the
    hours begin anew with an answer and with each agreement.
    """
    late, waiting = spec.when_late, _waiting(said)
    if late is None or spec.working_time is None or waiting is None or waiting.is_escalated:
        return None
    working = WorkingTime.of(spec.working_time)
    if _has_passed(late.escalate_after_hours, waiting.since, working, at):
        return "escalate"
    if not waiting.is_reminded and _has_passed(late.remind_after_hours, waiting.since, working, at):
        return "remind"
    return None


def escalated_to(late: WhenLate | None, said: Iterable[Said]) -> Who | None:
    """Who may agree at the open step too: those it was escalated to, until somebody has agreed."""
    is_escalated = False
    for each in said:
        is_escalated = each.kind == ESCALATED or (is_escalated and each.kind != AGREED)
    return late.escalate_to if late is not None and is_escalated else None


@dataclass(frozen=True, slots=True)
class _Waiting:
    since: datetime
    is_reminded: bool
    is_escalated: bool


def _waiting(said: Iterable[Said]) -> _Waiting | None:
    """Since when approvers are waited for, and what they were told since; None where the team is."""
    waiting: _Waiting | None = None
    for each in said:
        if each.kind in BEGIN:
            waiting = _Waiting(each.at, is_reminded=False, is_escalated=False)
        elif each.kind == QUESTION:
            waiting = None
        elif waiting is not None and each.kind in {REMINDED, ESCALATED}:
            is_escalated = waiting.is_escalated or each.kind == ESCALATED
            waiting = _Waiting(waiting.since, is_reminded=True, is_escalated=is_escalated)
    return waiting


def _has_passed(hours: int | None, since: datetime, working: WorkingTime, at: datetime) -> bool:
    return hours is not None and working.after(hours, since) <= at

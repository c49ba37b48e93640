"""What every step of a request shares: its row, its thread, its digest and its record."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from budgets.approvals.rules import check_seen
from budgets.plans.engine.amounts import plain
from budgets.plans.models import Budget
from budgets.plans.operations import digest_of, terms_digest
from budgets.requests.engine.states import Verb, after
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.queries import budgets_raised
from governance.errors import NotFound
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision

# Said by Weir while it waits: what is shown and decided on is the same after it.
OF_THE_CLOCK = frozenset({QuotaRequestEntry.Kind.REMINDED.value, QuotaRequestEntry.Kind.ESCALATED.value})


def locked_request(request_id: int, actor: Actor) -> QuotaRequest:
    """The request, its row locked. NotFound (`request_unknown`) when the actor may not see it."""
    rows = QuotaRequest.objects.visible_to(actor).select_related("scope", "requested_by")
    request = rows.select_for_update(of=("self",)).filter(pk=request_id).first()
    if request is None:
        raise NotFound(f"There is no quota request {request_id}.", code="request_unknown")
    return request


def step(request: QuotaRequest, verb: Verb, *, at: datetime) -> None:
    """Sets the status that the verb leads to; the caller saves it. WrongStatus where it leads nowhere."""
    request.status = after(verb, request.status, decide_by=request.decide_by, at=at)


def check_step(request: QuotaRequest, verb: Verb, *, at: datetime) -> None:
    """As `step`, without setting it."""
    after(verb, request.status, decide_by=request.decide_by, at=at)


def say(request: QuotaRequest, kind: str, text: str, *, by: User | None, at: datetime) -> QuotaRequestEntry:
    """Adds to the thread."""
    return QuotaRequestEntry.objects.create(request=request, kind=kind, text=text, by=by, at=at)


def asked(request: QuotaRequest) -> dict[str, object]:
    """What was asked for, for a decision record: numbers as text, because JSON's are floats."""
    return {
        "unit": request.unit,
        "amount": plain(request.amount),
        "currency": request.currency,
        "term": request.term,
        "period": request.period,
        "starts_on": str(request.starts_on),
        "ends_on": str(request.ends_on) if request.ends_on else None,
        "requested_by": request.requested_by.email,
    }


def request_digest(request: QuotaRequest, budget: Budget | None) -> str:
    """64 hexadecimal digits that are others as soon as anything is that the request was shown with: what is asked, why,
    what was said since, and the budget it raises. Who approves sends the digest of what was shown.
    """
    said = [
        [entry.pk, entry.kind]
        for entry in sorted(request.thread.all(), key=lambda entry: entry.pk)
        if entry.kind not in OF_THE_CLOCK
    ]
    stated = asked(request) | {
        "request": request.pk, "scope": request.scope.path, "status": request.status, "thread": said,
        "justification": request.justification, "expected_outcome": request.expected_outcome, "link": request.link,
        "outcome_value": plain(request.outcome_value) if request.outcome_value is not None else None,
        "estimate": plain(request.estimate) if request.estimate is not None else None,
        "decide_by": request.decide_by.isoformat(), "budget": terms_digest(budget) if budget is not None else None,
    }  # fmt: skip
    return digest_of(stated)


def raised_by(request: QuotaRequest, *, at: datetime) -> Budget | None:
    """The budget that the request raises, as of now."""
    return budgets_raised([request], day=at.date()).get(request.pk)


def record(
    request: QuotaRequest, verb: Verb | str, *, actor: Actor, reason: str, at: datetime,
    evidence: Mapping[str, object] = MappingProxyType({}),
) -> None:  # fmt: skip
    """The step's decision record, last. NotFound for somebody who may not see the scope."""
    check_seen(actor, request.scope)
    record_decision(
        actor=actor,
        action=f"quota_request.{verb}",
        scope=request.scope,
        subject=f"quota_request:{request.pk}",
        reason=reason,
        evidence={**asked(request), **evidence},
        at=at,
    )

"""Deciding on a request: a question, an approval in whole or in part, a rejection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from budgets.approvals.operations import Wish, grant_as_asked, raise_as_asked
from budgets.approvals.rules import authors as authors_of_budget
from budgets.ledger.operations import lock_for_opening
from budgets.plans.engine.amounts import plain, spoken
from budgets.plans.errors import ChangedSinceSeen, InsufficientFunds, NotInForce
from budgets.plans.models import Budget
from budgets.plans.operations import check_amount, checked_reason
from budgets.requests import rules
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.steps import locked_request, raised_by, record, request_digest, say, step
from budgets.requests.operations.telling import amount_of, tell_authors
from budgets.requests.queries import money_above
from governance.errors import Invalid
from governance.people.queries import deciders
from governance.people.rules import Actor

KIND = QuotaRequestEntry.Kind


@dataclass(frozen=True, slots=True)
class Conditions:
    """On which more is given: a part of what was asked, until when, for which models. The ledger holds the amount and
    the end; the models are told to who asked and stand in the record.
    """

    amount: Decimal | None = None
    until: date | None = None
    models: Sequence[str] = ()


@transaction.atomic
def ask_about_request(*, request_id: int, actor: Actor, text: str, at: datetime) -> QuotaRequest:
    """Asks the team something, by who may decide. WrongStatus, FourEyes, RightRequired; ReasonMissing: no text."""
    request = locked_request(request_id, actor)
    user = rules.check_decider(actor, request, raised_by(request, at=at))
    step(request, "ask", at=at)
    question = checked_reason(text)
    request.save(update_fields=["status"])
    entry = say(request, KIND.QUESTION, question, by=user, at=at)
    title = f"A question on your request: {amount_of(request)} more for {request.scope.path}"
    tell_authors(request, title, question, key=f"questioned:{entry.pk}", at=at)
    record(request, "ask", actor=actor, reason=question, at=at)
    return request


@transaction.atomic
def reject_request(*, request_id: int, actor: Actor, reason: str, at: datetime) -> QuotaRequest:
    """Rejects it, by who might approve it. WrongStatus, FourEyes, RightRequired, ReasonMissing."""
    request = locked_request(request_id, actor)
    user = rules.check_decider(actor, request, raised_by(request, at=at))
    step(request, "reject", at=at)
    request.decided_by, request.decided_at, request.decision_reason = user, at, checked_reason(reason)
    request.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    say(request, KIND.REJECTED, request.decision_reason, by=user, at=at)
    title = f"Not approved: {amount_of(request)} more for {request.scope.path}"
    tell_authors(request, title, request.decision_reason, key="rejected", at=at)
    record(request, "reject", actor=actor, reason=request.decision_reason, at=at)
    return request


@transaction.atomic
def approve_request(
    *, request_id: int, actor: Actor, reason: str, expected_digest: str, at: datetime,
    conditions: Conditions = Conditions(),
) -> QuotaRequest:  # fmt: skip
    """Approves it, in whole or in part, and moves the money in the same transaction: from the account above, for the
    current period and as far as later ones have opened. `expected_digest` is `request_digest` of what the person saw.

    ChangedSinceSeen, WrongStatus, FourEyes, RightRequired, NotInForce; Invalid for conditions that cannot hold;
    InsufficientFunds says what is missing, where money is and who could move it.
    """
    request = locked_request(request_id, actor)
    lock_for_opening()
    budget = raised_by(request, at=at)
    user = rules.check_decider(actor, request, budget)
    digest = request_digest(request, budget)
    step(request, "approve", at=at)
    stated_reason = checked_reason(reason)
    if expected_digest != digest:
        raise ChangedSinceSeen(f"The request for {request.scope.path} has changed since you looked: look again.")
    granted, until = _given(request, conditions)
    try:
        raised = _raise(request, budget, granted, until, actor=actor, reason=stated_reason, digest=digest, at=at)
    except InsufficientFunds as short:
        raise _money_missing(request, budget, granted, short, actor=actor, at=at) from None
    request.decided_by, request.decided_at, request.decision_reason = user, at, stated_reason
    request.granted, request.granted_until, request.for_models = granted, until, list(conditions.models)
    request.budget, request.digest = raised, digest
    request.save()
    say(request, KIND.APPROVED, stated_reason, by=user, at=at)
    text = f"{_told(request)}\n\n{stated_reason}"
    tell_authors(request, f"Approved: {_told(request)}", text, key="approved", at=at)
    evidence = {
        "granted": plain(granted), "until": str(until) if until else None, "models": request.for_models,
        "budget": raised.pk, "digest": digest,
    }  # fmt: skip
    record(request, "approve", actor=actor, reason=stated_reason, at=at, evidence=evidence)
    return request


def _given(request: QuotaRequest, conditions: Conditions) -> tuple[Decimal, date | None]:
    granted = request.amount if conditions.amount is None else conditions.amount
    check_amount(request.unit, granted)
    if granted > request.amount:
        raise Invalid(f"No more is given than was asked for: {amount_of(request)}.")
    if conditions.until is None:
        return granted, request.ends_on if request.term == QuotaRequest.Term.DATES else None
    if request.term == QuotaRequest.Term.PERIOD:
        raise Invalid(f"What is given for this period ends with it, on {request.ends_on}: leave `until` out.")
    if request.ends_on is not None and conditions.until > request.ends_on:
        raise Invalid(f"It was asked for until {request.ends_on}, no longer.")
    return granted, conditions.until


def _raise(
    request: QuotaRequest, budget: Budget | None, granted: Decimal, until: date | None, *, actor: Actor, reason: str,
    digest: str, at: datetime,
) -> Budget:  # fmt: skip
    """Moves the money by the one way that more of a budget is given; the budget that has it."""
    evidence = {"quota_request": request.pk, "requested_by": request.requested_by.email, "digest": digest}
    wish = Wish(
        request.requested_by, request.submitted_at or at, request.justification, f"request {request.pk}", evidence
    )
    if request.term != QuotaRequest.Term.PERIOD:
        return raise_as_asked(
            scope=request.scope, unit=request.unit, period=request.period, amount=granted,
            starts_on=request.starts_on, ends_on=until, wish=wish, actor=actor, reason=reason, at=at,
        )  # fmt: skip
    if budget is None:
        raise NotInForce(
            f"No budget in {request.unit} is in force for {request.scope.path} any more: reject the request."
        )
    grant_as_asked(budget_id=budget.pk, amount=granted, wish=wish, actor=actor, reason=reason, at=at)
    return budget


def _told(request: QuotaRequest) -> str:
    granted = spoken(request.unit, request.granted or Decimal(0), request.currency)
    part = f" of {amount_of(request)}" if request.granted != request.amount else ""
    until = f", until {request.granted_until}" if request.granted_until else ""
    models = f", for {', '.join(request.for_models)}" if request.for_models else ""
    return f"{granted}{part} more for {request.scope.path}{until}{models}"


def _money_missing(
    request: QuotaRequest, budget: Budget | None, granted: Decimal, short: InsufficientFunds, *, actor: Actor,
    at: datetime,
) -> InsufficientFunds:  # fmt: skip
    """The refusal with what is missing, where money is, and who could move it to where it is missing."""
    missing = granted - max(short.left, Decimal(0))
    scope_id = budget.scope_id if budget is not None else request.scope_id
    above = money_above(scope_id, request.unit, day=at.date())
    more: dict[str, object] = {"missing": plain(missing)}
    detail = f"{short.detail} {spoken(request.unit, missing, request.currency)} are missing."
    if above:
        lacking = above[0].account
        own = authors_of_budget(lacking.budget) if lacking.budget is not None else frozenset[int]()
        people = deciders(lacking.scope_id, without=own)
        elsewhere = [each for each in above[1:] if each.available >= missing and actor.sees(each.account.scope.path)]
        if elsewhere:
            left = spoken(request.unit, elsewhere[0].available, request.currency)
            detail += f" {elsewhere[0].account.scope.path} has {left} available."
        names = " or ".join(people) or "an administrator"
        detail += f" {names} could grant more to {lacking.scope.path}."
        more["lacking"] = lacking.scope.path
        more["elsewhere"] = [
            {"scope": each.account.scope.path, "available": plain(each.available)} for each in elsewhere
        ]
        more["could_move"] = list(people)
    return InsufficientFunds(detail, available=short.left, more=more)

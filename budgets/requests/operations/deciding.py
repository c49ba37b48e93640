"""Deciding on a request: a question, an approval in whole or in part, a rejection."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from django.db import transaction

from budgets.approval_rules.engine.agreeing import ApprovalCase, Terms
from budgets.approvals.operations import Wish, grant_as_asked, raise_as_asked
from budgets.approvals.rules import authors as authors_of_budget
from budgets.ledger.operations import lock_for_opening
from budgets.plans.engine.amounts import plain, spoken
from budgets.plans.errors import ChangedSinceSeen, InsufficientFunds, NotInForce
from budgets.plans.models import Budget
from budgets.plans.operations import checked_reason
from budgets.requests import rules
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.agreeing import (
    AS_ASKED,
    Conditions,
    Shown,
    agree,
    agreements_of,
    conditions_in_words,
    consent_to,
    evidence_of,
    given,
    given_in_words,
    keep,
)
from budgets.requests.operations.steps import (
    check_step,
    locked_request,
    raised_by,
    record,
    request_digest,
    say,
    step,
)
from budgets.requests.operations.telling import amount_of, tell_authors
from budgets.requests.queries import approval_case, money_above
from governance.people.models import User
from governance.people.queries import deciders
from governance.people.rules import Actor

KIND = QuotaRequestEntry.Kind


@transaction.atomic
def ask_about_request(*, request_id: int, actor: Actor, text: str, at: datetime) -> QuotaRequest:
    """Asks the team something, by who may decide. WrongStatus, FourEyes, RightRequired, NotNext; ReasonMissing."""
    request = locked_request(request_id, actor)
    user, acting = _checked_decider(request, raised_by(request, at=at), actor, at)
    step(request, "ask", at=at)
    question = checked_reason(text)
    request.save(update_fields=["status"])
    entry = say(request, KIND.QUESTION, question, by=user, at=at)
    title = f"A question on your request: {amount_of(request)} more for {request.scope.path}"
    tell_authors(request, title, question, key=f"questioned:{entry.pk}", at=at)
    record(request, "ask", actor=acting, reason=question, at=at)
    return request


@transaction.atomic
def reject_request(*, request_id: int, actor: Actor, reason: str, at: datetime) -> QuotaRequest:
    """Rejects it, by who might approve it at any step. WrongStatus, FourEyes, RightRequired, NotNext, ReasonMissing."""
    request = locked_request(request_id, actor)
    user, acting = _checked_decider(request, raised_by(request, at=at), actor, at)
    step(request, "reject", at=at)
    request.decided_by, request.decided_at, request.decision_reason = user, at, checked_reason(reason)
    request.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    say(request, KIND.REJECTED, request.decision_reason, by=user, at=at)
    title = f"Not approved: {amount_of(request)} more for {request.scope.path}"
    tell_authors(request, title, request.decision_reason, key="rejected", at=at)
    record(request, "reject", actor=acting, reason=request.decision_reason, at=at)
    return request


@transaction.atomic
def approve_request(
    *, request_id: int, actor: Actor, reason: str, expected_digest: str, at: datetime,
    conditions: Conditions = AS_ASKED,
) -> QuotaRequest:  # fmt: skip
    """Approves it, in whole or in part. Where the organisation's rules want more than one agreement, all but the last
    are recorded, and the request waits on. The last moves the money in the same transaction: from the account above,
    for the current period and as far as later ones have opened. `expected_digest` is `request_digest` of what the
    person saw.

    ChangedSinceSeen, WrongStatus, FourEyes, RightRequired, NotNext, AgreedAlready, NotInForce; Invalid for conditions
    that cannot hold; InsufficientFunds says what is missing, where money is and who could move it.
    """
    request = locked_request(request_id, actor)
    lock_for_opening()
    budget = raised_by(request, at=at)
    case = approval_case(request, budget, at=at)
    if case is not None:
        return _approve_by_rules(request, budget, case, conditions, actor, reason, expected_digest, at)
    user = rules.check_decider(actor, request, budget)
    check_step(request, "approve", at=at)
    shown = Shown(checked_reason(reason), _checked_digest(request, budget, expected_digest))
    return _approve(request, budget, user, given(request, conditions, None), actor=actor, shown=shown, at=at)


def _approve_by_rules(
    request: QuotaRequest, budget: Budget | None, case: ApprovalCase, conditions: Conditions, actor: Actor, reason: str,
    expected_digest: str, at: datetime,
) -> QuotaRequest:  # fmt: skip
    check_step(request, "approve", at=at)
    terms = given(request, conditions, case)
    consent = consent_to(request, budget, case, terms, actor=actor)
    shown = Shown(checked_reason(reason), _checked_digest(request, budget, expected_digest))
    agreement = keep(request, consent, shown, at=at)
    if not consent.is_last:
        return agree(request, budget, consent, agreement, at=at)
    evidence = evidence_of(consent) | {"agreements": agreements_of(request)}
    return _approve(request, budget, agreement.by, terms, actor=consent.actor, shown=shown, at=at, evidence=evidence)


def _checked_digest(request: QuotaRequest, budget: Budget | None, expected: str) -> str:
    digest = request_digest(request, budget)
    if expected != digest:
        raise ChangedSinceSeen(f"The request for {request.scope.path} has changed since you looked: look again.")
    return digest


def _approve(
    request: QuotaRequest, budget: Budget | None, user: User, terms: Terms, *, actor: Actor, shown: Shown, at: datetime,
    evidence: Mapping[str, object] = MappingProxyType({}),
) -> QuotaRequest:  # fmt: skip
    """Moves the money, and says and records it."""
    step(request, "approve", at=at)
    reason, digest = shown.reason, shown.digest
    try:
        raised = _raise(request, budget, terms.amount, terms.until, actor=actor, reason=reason, digest=digest, at=at)
    except InsufficientFunds as short:
        raise _money_missing(request, budget, terms.amount, short, actor=actor, at=at) from None
    request.decided_by, request.decided_at, request.decision_reason = user, at, reason
    request.granted, request.granted_until, request.for_models = terms.amount, terms.until, list(terms.models)
    request.budget, request.digest = raised, digest
    request.save()
    say(request, KIND.APPROVED, reason, by=user, at=at)
    told = f"{given_in_words(request, terms)} more for {request.scope.path}{conditions_in_words(terms)}"
    tell_authors(request, f"Approved: {told}", f"{told}\n\n{reason}", key="approved", at=at)
    decided = {
        "granted": plain(terms.amount), "until": str(terms.until) if terms.until else None,
        "models": request.for_models, "budget": raised.pk, "digest": digest, **evidence,
    }  # fmt: skip
    record(request, "approve", actor=actor, reason=reason, at=at, evidence=decided)
    return request


def _checked_decider(request: QuotaRequest, budget: Budget | None, actor: Actor, at: datetime) -> tuple[User, Actor]:
    """The person, and the actor as they are recorded: with the name of whom they stand in for."""
    case = approval_case(request, budget, at=at)
    if case is None:
        return rules.check_decider(actor, request, budget), actor
    holding = rules.check_member(actor, case)
    path = budget.scope.path if budget is not None else request.scope.path
    return rules.check_person(actor), rules.acting_as(actor, holding, path)


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

"""One agreement of several, by the organisation's approval rules; the last one moves the money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from budgets.approval_rules.engine.agreeing import (
    ApprovalCase,
    Holding,
    Place,
    Terms,
    agreed_so_far,
    in_words,
    is_last,
    next_place,
    places_of,
)
from budgets.plans.engine.amounts import plain, spoken
from budgets.plans.errors import ChangedSinceSeen
from budgets.plans.models import Budget
from budgets.plans.operations import check_amount
from budgets.requests import rules
from budgets.requests.models import Agreement, QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.steps import record, say
from budgets.requests.operations.telling import amount_of, tell_deciders
from governance.errors import Invalid
from governance.people.rules import Actor


@dataclass(frozen=True, slots=True)
class Conditions:
    """On which more is given: a part of what was asked, until when, for which models. The ledger holds the amount and
    the end; the models are told to who asked and stand in the record.
    """

    amount: Decimal | None = None
    until: date | None = None
    models: Sequence[str] = ()


AS_ASKED = Conditions()


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's agreement at a place of the case, to `terms`, by the actor whom the rules entrust with it."""

    case: ApprovalCase
    place: Place
    as_: Holding
    actor: Actor
    terms: Terms
    is_last: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """Why somebody approves, and the digest of what they saw, which is what it is."""

    reason: str
    digest: str


def given(request: QuotaRequest, conditions: Conditions, case: ApprovalCase | None) -> Terms:
    """What somebody who approves on the conditions gives; what they leave out is as asked, or as agreed so far. Invalid
    for what was not asked for.
    """
    terms = asked_terms(request)
    if case is not None:
        terms = agreed_so_far(places_of(case), terms)
    granted = terms.amount if conditions.amount is None else conditions.amount
    check_amount(request.unit, granted)
    if granted > request.amount:
        raise Invalid(f"No more is given than was asked for: {amount_of(request)}.")
    models = tuple(conditions.models) or terms.models
    if conditions.until is None:
        return Terms(granted, terms.until, models)
    if request.term == QuotaRequest.Term.PERIOD:
        raise Invalid(f"What is given for this period ends with it, on {request.ends_on}: leave `until` out.")
    if request.ends_on is not None and conditions.until > request.ends_on:
        raise Invalid(f"It was asked for until {request.ends_on}, no longer.")
    return Terms(granted, conditions.until, models)


def asked_terms(request: QuotaRequest) -> Terms:
    """All that was asked for."""
    return Terms(request.amount, request.ends_on if request.term == QuotaRequest.Term.DATES else None)


def consent_to(
    request: QuotaRequest, budget: Budget | None, case: ApprovalCase, terms: Terms, *, actor: Actor
) -> Consent:
    """The actor's agreement to the terms, if they are next. Those who agreed to less are asked anew first: the refusal
    names them. FourEyes, NotNext, AgreedAlready, RightRequired.
    """
    places = places_of(case, terms)
    place = next_place(places)
    if place is None:
        raise ChangedSinceSeen(f"All {len(places)} steps are agreed to already: look again.")
    holding = rules.check_next(actor, case, places, place)
    path = budget.scope.path if budget is not None else request.scope.path
    return Consent(case, place, holding, rules.acting_as(actor, holding, path), terms, is_last(places, place))


def keep(request: QuotaRequest, consent: Consent, shown: Shown, *, at: datetime) -> Agreement:
    """Stores the agreement."""
    terms, case = consent.terms, consent.case
    return Agreement.objects.create(
        request=request, by_id=consent.as_.person, instead_of_id=consent.as_.instead_of, at=at, rule=case.rule,
        rules_version_id=case.version, step=consent.place.number, amount=terms.amount, until=terms.until,
        for_models=list(terms.models), reason=shown.reason, basis=case.basis, digest=shown.digest,
    )  # fmt: skip


def agree(
    request: QuotaRequest, budget: Budget | None, consent: Consent, agreement: Agreement, *, at: datetime
) -> QuotaRequest:
    """Records an agreement that is not the last; nothing moves, and those who are next are told."""
    agreed_to = f"{given_in_words(request, consent.terms)}{conditions_in_words(consent.terms)}"
    step = f"step {consent.place.number} of {len(consent.case.steps)}"
    text = f"{consent.as_.name} agreed to {agreed_to} ({step}): {agreement.reason}"
    say(request, QuotaRequestEntry.Kind.AGREED, text, by=agreement.by, at=at)
    title = f"Agreed by {consent.as_.name}, you are next: {amount_of(request)} more for {request.scope.path}"
    tell_deciders(request, budget, title, text, key=f"agreed:{agreement.pk}", at=at)
    record(
        request,
        "agree",
        actor=consent.actor,
        reason=agreement.reason,
        at=at,
        evidence=evidence_of(consent) | {"digest": agreement.digest},
    )
    return request


def evidence_of(consent: Consent) -> dict[str, object]:
    """The agreement, for a decision record: by which rule, to what, and for whom it was given."""
    terms, case = consent.terms, consent.case
    return {
        "rule": case.rule, "rules_version": case.version, "step": consent.place.number, "steps": len(case.steps),
        "wanted": in_words(consent.place.step), "agreed_amount": plain(terms.amount),
        "agreed_until": str(terms.until) if terms.until else None, "agreed_models": list(terms.models),
        "instead_of": consent.as_.instead_of_email or None,
    }  # fmt: skip


def agreements_of(request: QuotaRequest) -> list[dict[str, object]]:
    """All agreements to the request, for the record of the last."""
    rows = Agreement.objects.filter(request=request).select_related("by", "instead_of").order_by("pk")
    return [
        {
            "by": row.by.email, "instead_of": row.instead_of.email if row.instead_of is not None else None,
            "step": row.step, "amount": plain(row.amount), "at": row.at.isoformat(), "digest": row.digest,
        }
        for row in rows
    ]  # fmt: skip


def given_in_words(request: QuotaRequest, terms: Terms) -> str:
    """`3,000.00 USD of 5,000.00 USD`."""
    part = f" of {amount_of(request)}" if terms.amount != request.amount else ""
    return f"{spoken(request.unit, terms.amount, request.currency)}{part}"


def conditions_in_words(terms: Terms) -> str:
    """`, until 2027-01-01, for gpt-4o`."""
    until = f", until {terms.until}" if terms.until else ""
    models = f", for {', '.join(terms.models)}" if terms.models else ""
    return f"{until}{models}"

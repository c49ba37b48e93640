"""Asking for more, answering what an approver asks, and taking the request back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from budgets.plans.errors import NotInForce, ProposalExists
from budgets.plans.models import Budget
from budgets.plans.operations import check_amount, checked_reason, checked_values
from budgets.requests import rules
from budgets.requests.engine.states import OPEN
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.operations.steps import locked_request, raised_by, record, say, step
from budgets.requests.operations.telling import amount_of, tell_deciders
from budgets.requests.queries import budget_charged
from governance.calendar.engine import midnight
from governance.errors import Invalid
from governance.people.rules import Actor
from governance.scopes.models import Scope

WAITS = timedelta(days=14)
WAITS_MAX = timedelta(days=90)
OPEN_MAX = 20
KIND = QuotaRequestEntry.Kind


@dataclass(frozen=True, slots=True)
class Case:
    """Why: `outcome_value` is what the outcome is worth, in the organisation's currency, and `estimate` what is
    expected to be used by the end, in the unit asked for.
    """

    justification: str
    expected_outcome: str = ""
    outcome_value: Decimal | None = None
    link: str = ""
    estimate: Decimal | None = None


@transaction.atomic
def request_more(
    *,
    scope: Scope,
    unit: str,
    amount: Decimal,
    case: Case,
    actor: Actor,
    at: datetime,
    term: str = QuotaRequest.Term.PERIOD,
    period: str = Budget.Period.MONTH,
    starts_on: date | None = None,
    ends_on: date | None = None,
    decide_by: datetime | None = None,
    submit: bool = True,
) -> QuotaRequest:
    """Asks for `amount` more, in the budget's unit, and submits that, or leaves a draft. It waits until `decide_by`: 14
    days, if nothing else is said, and never longer than the period that it is for.

    NotFound for a scope not seen, PersonRequired, NotInForce for more of a budget that is not there, ProposalExists for
    too many at once; Invalid for what cannot be approved.
    """
    person = rules.check_asker(actor, scope)
    check_case(unit, amount, case)
    values = terms_of(scope, unit, amount, term, period, starts_on, ends_on, at)
    if QuotaRequest.objects.filter(scope=scope, unit=unit, status__in=OPEN).count() >= OPEN_MAX:
        raise ProposalExists(
            f"{OPEN_MAX} requests for {unit} of {scope.path} are open: have them decided, or withdraw."
        )
    request = QuotaRequest.objects.create(
        scope=scope, unit=unit, amount=amount, term=term, period=values.period, currency=values.currency,
        starts_on=values.starts_on, ends_on=values.ends_on, justification=case.justification.strip(),
        expected_outcome=case.expected_outcome.strip(), outcome_value=case.outcome_value, link=case.link,
        estimate=case.estimate, requested_by=person, created_at=at, decide_by=deadline_of(decide_by, term, values, at),
    )  # fmt: skip
    if submit:
        return _submit(request, actor, at)
    record(request, "create", actor=actor, reason=request.justification, at=at)
    return request


@transaction.atomic
def submit_request(*, request_id: int, actor: Actor, at: datetime) -> QuotaRequest:
    """Submits a draft, by anybody who may ask for its scope and then stands behind it. WrongStatus, PersonRequired."""
    return _submit(locked_request(request_id, actor), actor, at)


@transaction.atomic
def answer_request(*, request_id: int, actor: Actor, text: str, at: datetime) -> QuotaRequest:
    """Answers the question, by anybody who may ask for the scope: they stand behind it then, and do not decide on it.
    WrongStatus, PersonRequired; ReasonMissing without a text.
    """
    request = locked_request(request_id, actor)
    person = rules.check_asker(actor, request.scope)
    step(request, "answer", at=at)
    answer = checked_reason(text)
    request.save(update_fields=["status"])
    entry = say(request, KIND.ANSWER, answer, by=person, at=at)
    title = f"Answered: {amount_of(request)} more for {request.scope.path}"
    tell_deciders(request, raised_by(request, at=at), title, answer, key=f"answered:{entry.pk}", at=at)
    record(request, "answer", actor=actor, reason=answer, at=at)
    return request


@transaction.atomic
def withdraw_request(*, request_id: int, actor: Actor, reason: str, at: datetime) -> QuotaRequest:
    """Takes it back, by who asked or answered for it, or who may decide. WrongStatus, RightRequired, ReasonMissing."""
    request = locked_request(request_id, actor)
    rules.check_may_withdraw(actor, request)
    step(request, "withdraw", at=at)
    stated_reason = checked_reason(reason)
    request.save(update_fields=["status"])
    say(request, KIND.WITHDRAWN, stated_reason, by=actor.person, at=at)
    record(request, "withdraw", actor=actor, reason=stated_reason, at=at)
    return request


def _submit(request: QuotaRequest, actor: Actor, at: datetime) -> QuotaRequest:
    person = rules.check_asker(actor, request.scope)
    step(request, "submit", at=at)
    if request.decide_by <= at:
        raise NotInForce("The draft is too old: its period or its deadline is over. Withdraw it, and ask again.")
    request.submitted_at = at
    request.save(update_fields=["status", "submitted_at"])
    say(request, KIND.SUBMITTED, request.justification, by=person, at=at)
    text = f"{request.justification}\n\nDecide by {request.decide_by:%A %d %B %Y, %H:%M} UTC, or it expires."
    title = f"{amount_of(request)} more asked for {request.scope.path}"
    tell_deciders(request, raised_by(request, at=at), title, text, key="submitted", at=at)
    record(request, "submit", actor=actor, reason=request.justification, at=at)
    return request


@dataclass(frozen=True, slots=True)
class Terms:
    """For when it is asked, completed."""

    period: str
    starts_on: date
    ends_on: date | None
    currency: str


def terms_of(
    scope: Scope, unit: str, amount: Decimal, term: str, period: str, starts_on: date | None, ends_on: date | None,
    at: datetime,
) -> Terms:  # fmt: skip
    """Invalid for what cannot be approved, NotInForce for more of a budget that is not there."""
    if term == QuotaRequest.Term.PERIOD:
        if starts_on or ends_on:
            raise Invalid("More for this period has no dates of its own: ask by `term` `dates` instead.")
        return _current(scope, unit, at)
    if (term == QuotaRequest.Term.DATES) != (ends_on is not None):
        raise Invalid("`ends_on` belongs to a request by `term` `dates`, which needs it; a standing change has no end.")
    day = max(starts_on or at.date(), at.date())
    own = Budget.objects.in_force(day).filter(scope=scope, unit=unit, status=Budget.Status.APPROVED).first()
    kind = own.period if own is not None else period
    values = checked_values(
        scope=scope, unit=unit, period=kind, amount=amount, starts_on=starts_on, ends_on=ends_on, currency="", at=at
    )
    start, end, currency = values["starts_on"], values["ends_on"], values["currency"]
    assert isinstance(start, date) and (end is None or isinstance(end, date))  # noqa: PT018, S101  # `checked_values` says so
    return Terms(kind, start, end, str(currency))


def _current(scope: Scope, unit: str, at: datetime) -> Terms:
    if unit not in Budget.Unit.values:
        raise Invalid(f"Unknown unit {unit!r}: {', '.join(Budget.Unit.values)}.", code="unit_unknown")
    budget = budget_charged(scope.pk, unit, day=at.date())
    if budget is None:
        raise NotInForce(
            f"No budget in {unit} is in force for {scope.path}, so that nothing limits it: ask for one with `term`"
            " `standing`."
        )
    period = budget.period_on(at.date()) or budget.whole_period_on(at.date())
    return Terms(budget.period, period.start, period.end, budget.currency)


def check_case(unit: str, amount: Decimal, case: Case) -> None:
    """Invalid, ReasonMissing."""
    check_amount(unit, amount)
    checked_reason(case.justification)
    if case.outcome_value is not None:
        check_amount(Budget.Unit.MONEY, case.outcome_value)
    if case.estimate is not None:
        check_amount(unit, case.estimate)
    if case.link and not case.link.startswith(("https://", "http://")):
        raise Invalid("`link` is an address of the web, https:// or http://.")


def deadline_of(wanted: datetime | None, term: str, values: Terms, at: datetime) -> datetime:
    """Until when it waits: never longer than the period that it is for. Invalid."""
    last = midnight(values.ends_on) if term == QuotaRequest.Term.PERIOD and values.ends_on else None
    if wanted is not None and not at < wanted <= at + WAITS_MAX:
        raise Invalid(f"`decide_by` lies after now, and within {WAITS_MAX.days} days.")
    deadline = wanted or at + WAITS
    return min(deadline, last) if last is not None else deadline

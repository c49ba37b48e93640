"""A little more at once, by one person with the right, and the review of it by another (ADR 59)."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from budgets.approvals.operations import grant_ahead, take_back_unspent
from budgets.approvals.rules import check_decider, check_seen
from budgets.ledger.operations import lock_for_opening
from budgets.plans.engine.amounts import plain, spoken
from budgets.plans.errors import EmergencyRefused, NotInForce, WrongStatus
from budgets.plans.models import Budget
from budgets.plans.operations import check_amount, checked_reason, terms_digest
from budgets.requests import rules
from budgets.requests.engine.caps import Caps, left_for_emergencies
from budgets.requests.engine.states import REVIEWED, TO_REVIEW
from budgets.requests.models import QuotaRequest, QuotaRequestEntry, QuotaRequestQuerySet
from budgets.requests.operations.steps import locked_request, record, say, step
from budgets.requests.operations.telling import amount_of, tell_authors, tell_owners
from budgets.requests.queries import budget_charged
from governance.calendar.engine import midnight
from governance.people.models import DecisionRight
from governance.people.rules import Actor
from governance.scopes.models import Scope

KIND = QuotaRequestEntry.Kind
RIGHT = DecisionRight.GRANT_IN_EMERGENCY
REVIEWED_WITHIN = timedelta(days=3)


@transaction.atomic
def grant_in_emergency(
    *, scope: Scope, unit: str, amount: Decimal, reason: str, actor: Actor, at: datetime
) -> QuotaRequest:
    """Grants `amount` for the current period of the budget that the scope's use is charged to, at once, by a person
    with the right over it; the budget's owners are told, and a second person reviews it within three days.

    EmergencyRefused beyond the caps, and while an earlier one waits past its deadline. FourEyes where one person may
    not raise the budget whatever their right; RightRequired, PersonRequired, NotInForce, InsufficientFunds, Invalid.
    """
    check_seen(actor, scope)
    lock_for_opening()
    budget = budget_charged(scope.pk, unit, day=at.date())
    if budget is None:
        raise NotInForce(f"No budget in {unit} is in force for {scope.path}, so that nothing limits it.")
    user = check_decider(actor, budget, right=RIGHT)
    check_amount(unit, amount)
    stated_reason = checked_reason(reason)
    period = budget.period_on(at.date()) or budget.whole_period_on(at.date())
    left = _left(budget, at=at)
    if amount > left:
        raise _beyond(budget, left, amount)
    request = QuotaRequest.objects.create(
        scope=scope, unit=unit, amount=amount, term=QuotaRequest.Term.PERIOD, period=budget.period,
        currency=budget.currency, starts_on=period.start, ends_on=period.end, justification=stated_reason,
        requested_by=user, created_at=at, submitted_at=at, decide_by=at + REVIEWED_WITHIN,
        status=QuotaRequest.Status.EMERGENCY, granted=amount, budget=budget, digest=terms_digest(budget),
    )  # fmt: skip
    say(request, KIND.EMERGENCY, stated_reason, by=user, at=at)
    text = (
        f"{stated_reason}\n\n{user} granted it alone, for this {budget.period}. Somebody else with the right to approve"
        f" budgets confirms or disputes it by {request.decide_by:%A %d %B %Y, %H:%M} UTC."
    )
    title = f"Granted in an emergency: {amount_of(request)} more for {scope.path}"
    tell_owners(request, budget, title, text, key="emergency", at=at)
    evidence = {"quota_request": request.pk, "emergency": True, "left_for_emergencies": plain(left - amount)}
    grant_ahead(budget_id=budget.pk, amount=amount, actor=actor, reason=stated_reason, evidence=evidence, at=at)
    record(request, "grant_in_emergency", actor=actor, reason=stated_reason, at=at, evidence=evidence)
    return request


@transaction.atomic
def confirm_emergency(*, request_id: int, actor: Actor, reason: str, at: datetime) -> QuotaRequest:
    """A second person agrees afterwards: the money stays. WrongStatus, FourEyes, RightRequired, ReasonMissing."""
    return _review("confirm", request_id, actor, reason, at)


@transaction.atomic
def dispute_emergency(*, request_id: int, actor: Actor, reason: str, at: datetime) -> QuotaRequest:
    """A second person does not agree: what is left of it goes back to the budget above, and who granted it is told.
    WrongStatus, FourEyes, RightRequired, ReasonMissing.
    """
    return _review("dispute", request_id, actor, reason, at)


def _review(
    verb: Literal["confirm", "dispute"], request_id: int, actor: Actor, reason: str, at: datetime
) -> QuotaRequest:
    request = locked_request(request_id, actor)
    lock_for_opening()
    budget = _budget_now(request, at=at)
    step(request, verb, at=at)
    user = rules.check_reviewer(actor, request, budget, at=at)
    request.decided_by, request.decided_at, request.decision_reason = user, at, checked_reason(reason)
    if verb == "dispute":
        request.taken_back = _taken_back(request, budget, actor=actor, at=at)
    request.save(update_fields=["status", "decided_by", "decided_at", "decision_reason", "taken_back"])
    is_confirmed = verb == "confirm"
    say(request, KIND.CONFIRMED if is_confirmed else KIND.DISPUTED, request.decision_reason, by=user, at=at)
    title = f"Emergency grant {request.status}: {amount_of(request)} more for {request.scope.path}"
    back = "" if is_confirmed else f"\n\n{_back_in_words(request)}"
    text = f"{user}: {request.decision_reason}{back}"
    tell_authors(request, title, text, key=request.status, at=at)
    tell_owners(request, budget, title, text, key=f"{request.status}:owners", at=at)
    evidence = {} if request.taken_back is None else {"taken_back": plain(request.taken_back)}
    record(request, verb, actor=actor, reason=request.decision_reason, at=at, evidence=evidence)
    return request


def _budget_now(request: QuotaRequest, *, at: datetime) -> Budget:
    """The one that has the money: that which was raised, or who took its place. WrongStatus for another request."""
    if request.budget is None:
        raise WrongStatus(f"Nothing was granted in an emergency by the request {request.pk}.")
    scope = request.budget.scope
    rows = Budget.objects.in_force(at.date()).filter(scope=scope, unit=request.unit, status=Budget.Status.APPROVED)
    return rows.select_related("scope", "created_by").first() or request.budget


def _taken_back(request: QuotaRequest, budget: Budget, *, actor: Actor, at: datetime) -> Decimal:
    if request.granted is None or budget.status != Budget.Status.APPROVED:
        return Decimal(0)
    return take_back_unspent(
        budget_id=budget.pk, period_start=request.starts_on, at_most=request.granted, actor=actor, at=at,
        reason=request.decision_reason, evidence={"quota_request": request.pk, "emergency": True},
    )  # fmt: skip


def _back_in_words(request: QuotaRequest) -> str:
    if not request.taken_back:
        return "Nothing was left of it to take back."
    return f"{spoken(request.unit, request.taken_back, request.currency)} were left of it, and were taken back."


def _left(budget: Budget, *, at: datetime) -> Decimal:
    """Under the lock. EmergencyRefused while an earlier grant waits for its review past the deadline."""
    ever = QuotaRequest.objects.filter(budget__scope_id=budget.scope_id, unit=budget.unit)
    late = ever.to_review().filter(decide_by__lte=at).order_by("decide_by").first()
    if late is not None:
        raise EmergencyRefused(
            f"The emergency grant {late.pk} to {budget.scope.path} waits for its review since"
            f" {late.decide_by:%d %B %Y}: somebody confirms or disputes it first.",
            left="0",
        )
    made = ever.filter(status__in=(*TO_REVIEW, *REVIEWED))
    since = midnight(budget.whole_period_on(at.date()).start)
    return left_for_emergencies(
        Caps(settings.EMERGENCY_PERIOD_PERCENT, settings.EMERGENCY_DAY_PERCENT), budget.amount,
        in_period=_sum(made.filter(created_at__gte=since)),
        today=_sum(made.filter(created_at__gte=midnight(at.date()))),
    )  # fmt: skip


def _sum(rows: QuotaRequestQuerySet) -> Decimal:
    return rows.aggregate(total=Sum("granted"))["total"] or Decimal(0)


def _beyond(budget: Budget, left: Decimal, amount: Decimal) -> EmergencyRefused:
    of_day, of_period = settings.EMERGENCY_DAY_PERCENT, settings.EMERGENCY_PERIOD_PERCENT
    return EmergencyRefused(
        f"{spoken(budget.unit, left, budget.currency)} may be granted in an emergency now, of {budget.scope.path}'s"
        f" {spoken(budget.unit, budget.amount, budget.currency)}: {of_day} % a day and {of_period} % a {budget.period},"
        f" less what was. {spoken(budget.unit, amount, budget.currency)} is more: ask for it with POST"
        " /api/v1/quota-requests.",
        left=plain(left),
    )

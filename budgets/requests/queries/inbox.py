"""What waits for a person: the requests that they are next to decide on."""

from collections.abc import Collection
from datetime import datetime

from budgets.approval_rules.engine.agreeing import ApprovalCase, candidates, next_place, places_of
from budgets.approvals.rules import is_author as is_author_of_budget
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from budgets.requests.queries.cases import approval_cases
from budgets.requests.queries.money import budgets_raised
from budgets.requests.rules import BY_ITS_AUTHORS
from governance.calendar.engine import day_of
from governance.people.models import DecisionRight, Ownership, User
from governance.people.rules import Actor
from governance.scopes.engine import is_at_or_below

# Looked at, those that have waited longest: who has more to decide is not told of the last ones first.
LOOKED_AT = 500
# What has been asked waits for the team.
FOR_DECIDERS = (QuotaRequest.Status.SUBMITTED, QuotaRequest.Status.ANSWERED)


def requests_waiting_for(actor: Actor, *, at: datetime) -> list[QuotaRequest]:
    """Those that the actor may decide on now, what was submitted first on top; `check_next` and `check_decider` as a
    filter of the LOOKED_AT that have waited longest. As many queries however many there are.
    """
    if actor.user is None:
        return []
    rows = QuotaRequest.objects.visible_to(actor).filter(status__in=FOR_DECIDERS, decide_by__gt=at)
    waiting = list(rows.select_related("scope").order_by("submitted_at", "pk")[:LOOKED_AT])
    if not waiting:
        return []
    budgets = budgets_raised(waiting, day=day_of(at))
    cases = approval_cases(waiting, budgets, at=at)
    spoke = QuotaRequestEntry.objects.filter(request__in=waiting, kind__in=BY_ITS_AUTHORS, by=actor.user)
    own = set(spoke.values_list("request_id", flat=True))
    rights = Ownership.objects.of(actor.user.pk).filter(decision_right=DecisionRight.APPROVE_BUDGET)
    tops = set(rights.values_list("scope__path", flat=True))
    return [
        each
        for each in waiting
        if each.requested_by_id != actor.user.pk
        and each.pk not in own
        and _may_decide(actor.user, each, cases.get(each.pk), budgets.get(each.pk), tops)
    ]


def _may_decide(
    user: User, request: QuotaRequest, case: ApprovalCase | None, budget: Budget | None, tops: Collection[str]
) -> bool:
    if budget is not None and is_author_of_budget(user, budget):
        return False
    if case is None:
        path = (budget or request).scope.path
        return user.is_superuser or any(is_at_or_below(path, top) for top in tops)
    places = places_of(case)
    place = next_place(places)
    if place is None or user.pk in case.barred or any(user.pk in each.people for one in places for each in one.agreed):
        return False
    return user.is_superuser or any(each.person == user.pk for each in candidates(case, places, place))

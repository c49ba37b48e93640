"""Who may ask, answer and decide; used by operations, API and admin."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from budgets.approval_rules.engine.agreeing import (
    ApprovalCase,
    Holding,
    Place,
    candidates,
    in_words,
    members,
    told,
)
from budgets.approvals.rules import check_decider as check_decides_on
from budgets.approvals.rules import check_seen
from budgets.plans.errors import FourEyes
from budgets.plans.models import Budget
from budgets.requests.errors import AgreedAlready, NotNext
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from governance.errors import PersonRequired, RightRequired
from governance.people.models import ApiKey, DecisionRight, KeyPermission, User
from governance.people.rules import Actor
from governance.scopes.models import Scope, at_or_below

USING = [KeyPermission.USAGE_WRITE, KeyPermission.ADMIN]
BY_ITS_AUTHORS = (QuotaRequestEntry.Kind.SUBMITTED, QuotaRequestEntry.Kind.ANSWER, QuotaRequestEntry.Kind.EDITED)


def check_asker(actor: Actor, scope: Scope) -> User:
    """Who answers for what is asked: who has signed in, or the owner of the key. NotFound, PersonRequired."""
    check_seen(actor, scope)
    if actor.person is None:
        raise PersonRequired(
            f"The {actor.label} has no owner who answers for what it asks: revoke it, and make one with"
            " `weir keys create --owner EMAIL` or in the admin."
        )
    return actor.person


def authors(request: QuotaRequest) -> frozenset[int]:
    """The ids of who asked, and of who submitted it or answered for it."""
    spoke = request.thread.filter(kind__in=BY_ITS_AUTHORS, by__isnull=False).values_list("by_id", flat=True)
    return frozenset({request.requested_by_id, *spoke})


def is_author(user: User | None, request: QuotaRequest) -> bool:
    """Whether the person asked or answered, by whatever road: signed in or by a key of theirs."""
    return user is not None and user.pk in authors(request)


def check_decider(actor: Actor, request: QuotaRequest, budget: Budget | None) -> User:
    """A person with the right over the budget that it raises (over its scope, where there is none yet), who neither
    asked, nor answered for it, nor proposed the budget. PersonRequired, RightRequired, FourEyes.
    """
    user = _check_person(actor, budget.scope if budget is not None else request.scope)
    check_not_author(actor, request)
    if budget is not None:
        check_decides_on(actor, budget)
    return user


def check_member(actor: Actor, case: ApprovalCase) -> Holding:
    """As what the person may agree at any step of the case, and so asks and rejects; an administrator may too.
    PersonRequired, FourEyes, NotNext, and RightRequired where no rule says more than the right.
    """
    user = check_person(actor)
    found = members(case)
    names = _names(found)
    _check_not_barred(actor, user, case, names)
    mine = next((each for each in found if each.person == user.pk), None)
    if mine is None and user.is_superuser:
        mine = Holding(user.pk, user.email, "", "", case.money_at)
    if mine is None:
        raise _no_say(actor, case, f"{names} may decide.")
    return mine


def check_next(actor: Actor, case: ApprovalCase, places: Sequence[Place], place: Place) -> Holding:
    """As what the person agrees at the place. Administrators may for everybody, once, and not for their own.
    PersonRequired, FourEyes, AgreedAlready, NotNext, RightRequired; each names who may.
    """
    user = check_person(actor)
    found = candidates(case, places, place)
    names = _names(told(found, place.step.people - len(place.agreed)))
    _check_not_barred(actor, user, case, names)
    step = f"step {place.number} of {len(case.steps)}"
    if any(user.pk in each.people for one in places for each in one.agreed):
        raise AgreedAlready(f"{actor.label} has agreed already; {step} is next: {names} may agree.")
    mine = next((each for each in found if each.person == user.pk), None)
    if mine is None and user.is_superuser:
        mine = Holding(user.pk, user.email, "", "", case.money_at)
    if mine is None:
        wanted = f"The rule {case.rule} wants {in_words(place.step)} at {step}: {names} may agree next."
        raise _no_say(actor, case, wanted if case.is_by_a_rule else f"{names} may decide.")
    return mine


def acting_as(actor: Actor, holding: Holding, path: str) -> Actor:
    """The actor as they agree: by the rules they may approve budgets at the path, for whom they stand in."""
    return actor.entrusted_with(DecisionRight.APPROVE_BUDGET, path, label=holding.name)


def check_person(actor: Actor) -> User:
    """PersonRequired for a key, and for the installation."""
    if actor.user is None:
        raise PersonRequired("Money is decided by a person who has signed in, never by a key.")
    return actor.user


def _check_not_barred(actor: Actor, user: User, case: ApprovalCase, names: str) -> None:
    if user.pk in case.barred:
        raise FourEyes(
            f"{actor.label} asked for this, answered for it or proposed the budget; someone else has to decide on it:"
            f" {names} may."
        )


def _no_say(actor: Actor, case: ApprovalCase, names: str) -> NotNext | RightRequired:
    if case.is_by_a_rule:
        return NotNext(f"It is not for {actor.label} to agree now. {names}")
    return RightRequired(
        f"{actor.label} does not hold the right to approve budgets at or above {case.money_at}. {names}"
    )


def _names(found: Sequence[Holding]) -> str:
    return " or ".join(each.name for each in found) or "an administrator"


def check_reviewer(actor: Actor, request: QuotaRequest, budget: Budget, *, at: datetime) -> User:
    """As `check_decider`, and FourEyes for who uses what was granted: the owner of a key that sends usage from the
    scope or below.
    """
    user = check_decider(actor, request, budget)
    below = at_or_below((request.scope.path,), "scope__path")
    using = ApiKey.objects.filter(below, created_by=user, permissions__overlap=USING, revoked_at=None)
    if using.filter(Q(expires_at=None) | Q(expires_at__gt=at)).exists():
        raise FourEyes(f"{actor.label} owns a key that uses this budget; someone else has to review the grant.")
    return user


def check_not_author(actor: Actor, request: QuotaRequest) -> None:
    """FourEyes for who asked or answered, superuser or not."""
    if is_author(actor.user, request):
        raise FourEyes(f"{actor.label} asked for this, or answered for it; someone else has to decide on it.")


def check_may_withdraw(actor: Actor, request: QuotaRequest) -> None:
    """RightRequired unless the actor asked, answered for it, or may approve budgets of the scope."""
    if not is_author(actor.person, request) and not actor.may(DecisionRight.APPROVE_BUDGET, request.scope):
        raise RightRequired("Only who asked may withdraw the request, or who may decide on it.")


def _check_person(actor: Actor, scope: Scope) -> User:
    user = check_person(actor)
    if not actor.may(DecisionRight.APPROVE_BUDGET, scope):
        raise RightRequired(f"{actor.label} does not hold the right to approve budgets at or above {scope.path}.")
    return user

"""Who may ask, answer and decide; used by operations, API and admin."""

from budgets.approvals.rules import check_decider as check_decides_on
from budgets.approvals.rules import check_seen
from budgets.plans.errors import FourEyes
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest, QuotaRequestEntry
from governance.errors import PersonRequired, RightRequired
from governance.people.models import DecisionRight, User
from governance.people.rules import Actor
from governance.scopes.models import Scope

BY_ITS_AUTHORS = (QuotaRequestEntry.Kind.SUBMITTED, QuotaRequestEntry.Kind.ANSWER)


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


def check_not_author(actor: Actor, request: QuotaRequest) -> None:
    """FourEyes for who asked or answered, superuser or not."""
    if is_author(actor.user, request):
        raise FourEyes(f"{actor.label} asked for this, or answered for it; someone else has to decide on it.")


def check_may_withdraw(actor: Actor, request: QuotaRequest) -> None:
    """RightRequired unless the actor asked, answered for it, or may approve budgets of the scope."""
    if not is_author(actor.person, request) and not actor.may(DecisionRight.APPROVE_BUDGET, request.scope):
        raise RightRequired("Only who asked may withdraw the request, or who may decide on it.")


def _check_person(actor: Actor, scope: Scope) -> User:
    if actor.user is None:
        raise PersonRequired("Money is decided by a person who has signed in, never by a key.")
    if not actor.may(DecisionRight.APPROVE_BUDGET, scope):
        raise RightRequired(f"{actor.label} does not hold the right to approve budgets at or above {scope.path}.")
    return actor.user

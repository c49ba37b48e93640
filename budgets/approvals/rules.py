"""Who may propose and who may decide; used by operations, API and admin."""

from budgets.plans.errors import FourEyes
from budgets.plans.models import Budget
from governance.errors import NotFound, PersonRequired, RightRequired
from governance.people.models import DecisionRight, User
from governance.people.rules import Actor
from governance.scopes.models import Scope


def authors(budget: Budget) -> frozenset[int]:
    """The ids of who created and who submitted the budget."""
    return frozenset(pk for pk in (budget.created_by_id, budget.submitted_by_id) if pk is not None)


def is_author(user: User | None, budget: Budget) -> bool:
    """Whether the person created or submitted the budget, by whatever road: signed in, by a key of theirs, or by a
    command that they ran, also where all that is known of them is the name of their account on the machine.
    """
    if user is None:
        return False
    name, email = budget.author_name.lower(), user.email.lower()
    return user.pk in authors(budget) or (name != "" and name in {email, email.partition("@")[0]})


def may_withdraw(actor: Actor, budget: Budget) -> bool:
    """Whether the actor is an author, may approve budgets of the scope, or is the installation."""
    return is_author(actor.person, budget) or actor.is_system or actor.may(DecisionRight.APPROVE_BUDGET, budget.scope)


def check_seen(actor: Actor, scope: Scope) -> None:
    """NotFound (`scope_unknown`) for a scope that the actor may not see."""
    if not actor.sees(scope.path):
        raise NotFound(f"There is no scope {scope.path!r} that {actor.label} may see.", code="scope_unknown")


def check_somebody_answers(actor: Actor) -> None:
    """PersonRequired for a key without an owner: whoever made it could approve what it proposes."""
    if actor.key is not None and actor.person is None:
        raise PersonRequired(
            f"The {actor.label} has no owner who answers for what it proposes: revoke it, and make one with"
            " `weir keys create --owner EMAIL` or in the admin."
        )


WORDS = {
    DecisionRight.APPROVE_BUDGET: "approve budgets",
    DecisionRight.GRANT_IN_EMERGENCY: "grant in an emergency",
}


def check_person_with_right(
    actor: Actor, budget: Budget, *, right: DecisionRight = DecisionRight.APPROVE_BUDGET
) -> User:
    """The person, if they may approve budgets of the scope; PersonRequired, NotFound or RightRequired otherwise."""
    if actor.user is None:
        raise PersonRequired("Money is decided by a person who has signed in, never by a key.")
    check_seen(actor, budget.scope)
    if not actor.may(right, budget.scope):
        raise RightRequired(f"{actor.label} does not hold the right to {WORDS[right]} at or above {budget.scope.path}.")
    return actor.user


def check_second_person(actor: Actor, budget: Budget, proposer_id: int) -> User:
    """As `check_decider`, and FourEyes for who asked for the grant."""
    user = check_decider(actor, budget)
    if user.pk == proposer_id:
        raise FourEyes(f"{actor.label} asked for this grant; someone else has to decide on it.")
    return user


def check_not_who_asked(actor: Actor, proposer_id: int) -> None:
    """FourEyes for who asked for the end of a budget, superuser or not."""
    if actor.user is not None and actor.user.pk == proposer_id:
        raise FourEyes(f"{actor.label} asked for this budget to end; someone else has to agree.")


def check_decider(actor: Actor, budget: Budget, *, right: DecisionRight = DecisionRight.APPROVE_BUDGET) -> User:
    """As `check_person_with_right`, and FourEyes for an author of the budget, superuser or not."""
    user = check_person_with_right(actor, budget, right=right)
    if is_author(user, budget):
        raise FourEyes(f"{actor.label} proposed this budget; someone else has to decide on it.")
    return user

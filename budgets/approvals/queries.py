"""Budgets that wait for a decision."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from budgets.approvals.models import GrantProposal
from budgets.plans.models import Budget, BudgetQuerySet
from governance.people.models import DecisionRight, Ownership
from governance.people.rules import Actor
from governance.scopes.models import at_or_below


def waiting_grants(budgets: Iterable[Budget]) -> dict[int, GrantProposal]:
    """The grants that wait for a second person, by the id of their budget."""
    asked = list(budgets)
    if not asked:
        return {}
    waiting = GrantProposal.objects.waiting().filter(budget__in=asked)
    return {grant.budget_id: grant for grant in waiting.select_related("budget__scope", "proposed_by")}


def with_grants(budgets: BudgetQuerySet) -> BudgetQuerySet:
    """The budgets, each with `grant_waits`: whether a grant to it waits for a second person."""
    waiting = GrantProposal.objects.waiting().filter(budget=OuterRef("pk"))
    return budgets.annotate(grant_waits=Exists(waiting))


def waiting_for(actor: Actor) -> BudgetQuerySet:
    """Submitted budgets that `actor` may decide on: `rules.check_decider` as a filter of rows."""
    if actor.user is None:
        return Budget.objects.none()
    own = Q(created_by=actor.user) | Q(submitted_by=actor.user)
    waiting = Budget.objects.visible_to(actor).filter(status=Budget.Status.SUBMITTED).exclude(own)
    if actor.user.is_superuser:
        return waiting
    rights = Ownership.objects.of(actor.user.pk).filter(decision_right=DecisionRight.APPROVE_BUDGET)
    return waiting.filter(at_or_below(tuple(rights.values_list("scope__path", flat=True)), "scope__path"))

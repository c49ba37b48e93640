"""Budgets that wait for a decision, and what waits for a second person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from budgets.approvals.models import EndProposal, GrantProposal
from budgets.plans.models import Budget, BudgetQuerySet
from governance.people.models import DecisionRight, Ownership
from governance.people.queries import holders, nearest_of
from governance.people.rules import Actor
from governance.scopes.models import at_or_below
from governance.scopes.queries import scope_tree


@dataclass(frozen=True, slots=True)
class EndWaiting:
    """The end of a budget that waits, and the addresses of who may complete it, of the nearest scope with any."""

    proposal: EndProposal
    may_complete: tuple[str, ...]


def waiting_grants(budgets: Iterable[Budget]) -> dict[int, GrantProposal]:
    """The grants that wait for a second person, by the id of their budget."""
    asked = list(budgets)
    if not asked:
        return {}
    waiting = GrantProposal.objects.waiting().filter(budget__in=asked)
    return {grant.budget_id: grant for grant in waiting.select_related("budget__scope", "proposed_by")}


def waiting_ends(budgets: Iterable[Budget], *, at: datetime) -> dict[int, EndWaiting]:
    """The ends that wait for a second person, by the id of their budget; in three statements at most."""
    asked = [budget for budget in budgets if budget.status == Budget.Status.APPROVED]
    if not asked:
        return {}
    waiting = list(EndProposal.objects.open_at(at).filter(budget__in=asked).select_related("budget", "proposed_by"))
    if not waiting:
        return {}
    tree = scope_tree()
    lineages = {end.pk: tree.ancestors(end.budget.scope_id) for end in waiting}
    above = {scope_id for lineage in lineages.values() for scope_id in lineage}
    people = holders(above, right=DecisionRight.APPROVE_BUDGET)
    ends = {}
    for end in waiting:
        others = {scope: emails - {end.proposed_by.email} for scope, emails in people.items()}
        nearest = nearest_of(lineages[end.pk], {scope: emails for scope, emails in others.items() if emails})
        ends[end.budget_id] = EndWaiting(end, nearest)
    return ends


def with_waiting(budgets: BudgetQuerySet, *, at: datetime) -> BudgetQuerySet:
    """The budgets, each with `grant_waits` and `end_waits`: whether such a thing waits for a second person."""
    grants = GrantProposal.objects.waiting().filter(budget=OuterRef("pk"))
    ends = EndProposal.objects.open_at(at).filter(budget=OuterRef("pk"))
    return budgets.annotate(grant_waits=Exists(grants), end_waits=Exists(ends))


def undecided(budgets: BudgetQuerySet, *, at: datetime) -> BudgetQuerySet:
    """Of the budgets those that are submitted, or for which a grant or an end waits."""
    waits = Q(grant_waits=True, status=Budget.Status.APPROVED) | Q(end_waits=True)
    return with_waiting(budgets, at=at).filter(Q(status=Budget.Status.SUBMITTED) | waits)


def is_held_above(budget: Budget, *, at: datetime) -> bool:
    """Whether a budget of the same unit is in force above it on the day on which it would end."""
    above = scope_tree().ancestors(budget.scope_id)[1:]
    in_force = Budget.objects.in_force(max(at.date(), budget.starts_on)).filter(status=Budget.Status.APPROVED)
    return in_force.filter(scope_id__in=above, unit=budget.unit).exists()


def waiting_for(actor: Actor, *, at: datetime) -> BudgetQuerySet:
    """Budgets that `actor` may decide on, with `grant_waits` and `end_waits`: submitted, or with a grant or an end that
    waits. `rules` as a filter of rows.
    """
    if actor.user is None:
        return Budget.objects.none()
    grants = GrantProposal.objects.waiting().filter(budget=OuterRef("pk")).exclude(proposed_by=actor.user)
    ends = EndProposal.objects.open_at(at).filter(budget=OuterRef("pk")).exclude(proposed_by=actor.user)
    seen = Budget.objects.visible_to(actor).annotate(grant_waits=Exists(grants), end_waits=Exists(ends))
    not_own = ~(Q(created_by=actor.user) | Q(submitted_by=actor.user))
    decides = Q(status=Budget.Status.SUBMITTED) | Q(grant_waits=True, status=Budget.Status.APPROVED)
    waiting = seen.filter(decides & not_own | Q(end_waits=True))
    if actor.user.is_superuser:
        return waiting
    rights = Ownership.objects.of(actor.user.pk).filter(decision_right=DecisionRight.APPROVE_BUDGET)
    return waiting.filter(at_or_below(tuple(rights.values_list("scope__path", flat=True)), "scope__path"))

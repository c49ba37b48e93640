"""Requests beside the approval rules in force: who must agree, who has, and who is next."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from budgets.approval_rules.documents import RuleSpec
from budgets.approval_rules.engine.agreeing import ONE_WITH_THE_RIGHT, Agreed, ApprovalCase, Holding, Terms, stand_ins
from budgets.approval_rules.engine.lateness import Said, escalated_to
from budgets.approval_rules.engine.matching import Wanted, rule_for
from budgets.approval_rules.queries import RulesInForce, holdings_at, rules_in_force
from budgets.approvals.rules import authors as authors_of_budget
from budgets.plans.engine.periods import period_of
from budgets.plans.models import Budget
from budgets.plans.operations import digest_of, terms_digest
from budgets.requests.models import Agreement, QuotaRequest, QuotaRequestEntry
from budgets.requests.rules import BY_ITS_AUTHORS
from governance.calendar.engine import day_of
from governance.scopes.engine import nearest
from governance.scopes.queries import ScopeTree, scope_tree


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read once for all requests of a page."""

    tree: ScopeTree
    rules: Mapping[str, RulesInForce]
    above: Mapping[tuple[int, str], Budget]
    given: Sequence[tuple[int, str, Decimal, datetime]]
    said: Mapping[int, Sequence[Said]]
    agreements: Mapping[int, list[Agreed]]
    holdings: Mapping[int, list[Holding]]


def approval_case(request: QuotaRequest, budget: Budget | None, *, at: datetime) -> ApprovalCase | None:
    """Of one request; `budget` is the one that it raises. None where its organisation has no rules."""
    budgets = {request.pk: budget} if budget is not None else {}
    return approval_cases([request], budgets, at=at).get(request.pk)


def approval_cases(
    requests: Iterable[QuotaRequest], budgets: Mapping[int, Budget], *, at: datetime
) -> dict[int, ApprovalCase]:
    """By request id, by the rules in force now; left out where its organisation has none. `budgets` are those that the
    requests raise. As many queries however many requests.
    """
    asked = list(requests)
    rules = rules_in_force({_organisation(each) for each in asked}) if asked else {}
    ruled = [each for each in asked if _organisation(each) in rules]
    if not ruled:
        return {}
    known = _read(ruled, budgets, rules, scope_tree(), day_of(at))
    return {each.pk: _case(each, budgets.get(each.pk), known, day_of(at)) for each in ruled}


def _organisation(request: QuotaRequest) -> str:
    return request.scope.path.partition("/")[0]


def _read(
    requests: Sequence[QuotaRequest], budgets: Mapping[int, Budget], rules: Mapping[str, RulesInForce], tree: ScopeTree,
    day: date,
) -> _Known:  # fmt: skip
    scopes = {above for each in requests for above in tree.ancestors(each.scope_id)}
    raised = {budget.scope_id for budget in budgets.values()}
    in_force = Budget.objects.in_force(day).filter(scope_id__in=scopes, status=Budget.Status.APPROVED)
    since = min((_period_began(budget, day) for budget in budgets.values()), default=None)
    given = QuotaRequest.objects.filter(status=QuotaRequest.Status.APPROVED, budget__scope__in=raised)
    if since is not None:
        given = given.filter(decided_at__gte=since)
    agreements: dict[int, list[Agreed]] = defaultdict(list)
    rows = Agreement.objects.filter(request__in=requests).select_related("by", "instead_of")
    for row in rows.order_by("pk"):
        agreements[row.request_id].append(_agreed(row))
    return _Known(
        tree=tree, rules=rules, above={(each.scope_id, each.unit): each for each in in_force.select_related("scope")},
        given=[
            (each.budget.scope_id, each.unit, each.granted, each.decided_at)
            for each in given.select_related("budget")
            if each.budget is not None and each.granted is not None and each.decided_at is not None
        ],
        said=said_of([each.pk for each in requests]),
        agreements=agreements, holdings=holdings_at(scopes),
    )  # fmt: skip


def said_of(request_ids: Iterable[int]) -> dict[int, list[Said]]:
    """The threads, first to last. One query."""
    said: dict[int, list[Said]] = defaultdict(list)
    rows = QuotaRequestEntry.objects.filter(request__in=list(request_ids)).order_by("pk")
    for pk, kind, at, by in rows.values_list("request_id", "kind", "at", "by_id"):
        said[pk].append(Said(kind, at, by))
    return said


def _agreed(row: Agreement) -> Agreed:
    terms = Terms(row.amount, row.until, tuple(row.for_models))
    return Agreed(row.by_id, row.step, terms, row.basis, row.instead_of_id, row.name)


def _case(request: QuotaRequest, budget: Budget | None, known: _Known, day: date) -> ApprovalCase:
    lineage = known.tree.ancestors(request.scope_id)
    rules = known.rules[_organisation(request)]
    raised = budget.scope_id if budget is not None else request.scope_id
    giver = _giver(lineage, raised, request.unit, known)
    rule = rule_for(rules.spec.rules, _wanted(request, budget, giver, known, day))
    money_at = giver.scope.path if rule is not None and rule.own_reserve and giver is not None else ""
    said = known.said.get(request.pk, ())
    spoke = {each.by for each in said if each.by is not None and each.kind in BY_ITS_AUTHORS}
    holdings = tuple(each for scope in lineage for each in known.holdings.get(scope, ()))
    deputies = stand_ins(
        holdings, rules.spec.stand_ins, organisation=_organisation(request), scope=request.scope.path, day=day
    )
    return ApprovalCase(
        version=rules.version, rule=rule.name if rule is not None else "",
        steps=rule.steps if rule is not None else ONE_WITH_THE_RIGHT, basis=_basis(request, rule, budget),
        agreements=tuple(known.agreements.get(request.pk, ())),
        barred=frozenset({request.requested_by_id, *spoke}) | _own(budget, holdings),
        holdings=(*holdings, *deputies), asks_at=request.scope.path, money_at=money_at or known.tree.by_id[raised].path,
        also=escalated_to(rules.spec.when_late, said),
    )  # fmt: skip


def _giver(lineage: Sequence[int], raised: int, unit: str, known: _Known) -> Budget | None:
    """The budget above the one that is raised, which the money comes from."""
    above = lineage[lineage.index(raised) + 1 :]
    return nearest(above, {scope: each for (scope, of_unit), each in known.above.items() if of_unit == unit})


def _wanted(request: QuotaRequest, budget: Budget | None, giver: Budget | None, known: _Known, day: date) -> Wanted:
    before = Decimal(0)
    if budget is not None:
        began = _period_began(budget, day)
        own = (budget.scope_id, request.unit)
        before = sum((given for scope, unit, given, at in known.given if (scope, unit) == own and at >= began), before)
    return Wanted(
        scope=request.scope.path, unit=request.unit, amount=request.amount + before,
        budget=budget.amount if budget is not None else None, parent=giver.amount if giver is not None else None,
        giver=giver.scope.path if giver is not None else "", is_for_period=request.term == QuotaRequest.Term.PERIOD,
    )  # fmt: skip


def _period_began(budget: Budget, day: date) -> datetime:
    return (budget.period_on(day) or period_of(budget.period, day)).starts_at


def _own(budget: Budget | None, holdings: Iterable[Holding]) -> frozenset[int]:
    """The authors of the budget, as `budgets.approvals.rules.is_author` knows them."""
    if budget is None:
        return frozenset()
    name = budget.author_name.lower()
    named = {
        each.person for each in holdings if name and name in {each.email.lower(), each.email.lower().partition("@")[0]}
    }
    return authors_of_budget(budget) | named


def _basis(request: QuotaRequest, rule: RuleSpec | None, budget: Budget | None) -> str:
    """Other digits as soon as the steps or the budget's terms are others: who agreed before agreed to another thing."""
    steps = rule.steps if rule is not None else ONE_WITH_THE_RIGHT
    return digest_of({
        "request": request.pk, "steps": [step.model_dump(mode="json") for step in steps],
        "budget": terms_digest(budget) if budget is not None else None,
    })  # fmt: skip

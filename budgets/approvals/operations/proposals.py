"""Budgets declared in documents: each is a proposal, compared with what is proposed or in force."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.operations.lifecycle import create_budget, submit_budget
from budgets.plans.documents import BudgetDocument
from budgets.plans.engine.amounts import plain
from budgets.plans.engine.periods import period_of
from budgets.plans.models import OPEN, Budget
from budgets.plans.operations import check_fits, checked_values, locked, terms
from governance.documents import Change
from governance.errors import Invalid
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope

COMPARED = (
    *("name", "period", "amount", "currency", "starts_on", "ends_on", "carry_over", "carry_over_max"),
    "note",
)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the document is compared with: the open proposal, and the latest approval in force or rejection."""

    proposal: Budget | None
    decided: Budget | None


def plan_budget(document: BudgetDocument, *, at: datetime) -> Change:
    """What `apply_budget` would do. A document that was rejected stays unchanged until its terms change."""
    scope = _scope(document)
    stored = _stored(scope, document.spec.unit, at.date())
    if stored.proposal is not None:
        differences = _differences(document, scope, stored.proposal, at)
        return _change(document, "update" if differences else "unchanged", differences)
    if stored.decided is not None:
        differences = _differences(document, scope, stored.decided, at)
        if stored.decided.status == Budget.Status.REJECTED:
            if not differences:
                return _change(document, "unchanged", (f"rejected: {stored.decided.decision_reason}",))
            return _change(document, "create", _wanted(document))
        return _change(document, "update" if differences else "unchanged", differences)
    return _change(document, "create", _wanted(document))


@transaction.atomic
def apply_budget(document: BudgetDocument, *, actor: Actor, at: datetime, source: str = "") -> Change:
    """Proposes and submits what `plan_budget` says; an approved budget stays in force until the new version is
    approved. Raises as `create_budget` and `submit_budget`.
    """
    scope = _scope(document)
    rules.check_seen(actor, scope)
    change = plan_budget(document, at=at)
    if change.action == "unchanged":
        return change
    proposal = _stored(scope, document.spec.unit, at.date()).proposal
    if proposal is None:
        _propose(document, scope, actor=actor, at=at, source=source)
    elif proposal.status == Budget.Status.DRAFT:
        _amend(proposal, document, scope, actor=actor, at=at, source=source)
        submit_budget(budget_id=proposal.pk, actor=actor, at=at)
    else:
        _amend(proposal, document, scope, actor=actor, at=at, source=source)
    return change


def _scope(document: BudgetDocument) -> Scope:
    scope = Scope.objects.filter(path=document.spec.scope).first()
    if scope is None:
        raise Invalid(
            f"Budget {document.metadata.name!r}: there is no scope {document.spec.scope!r}.", code="scope_unknown"
        )
    return scope


def _stored(scope: Scope, unit: str, today: date) -> _Stored:
    budgets = Budget.objects.filter(scope=scope, unit=unit).order_by("-pk")
    proposal = budgets.filter(status__in=OPEN).first()
    decided = budgets.filter(status__in=(Budget.Status.APPROVED, Budget.Status.REJECTED)).first()
    if (
        decided is not None
        and decided.status == Budget.Status.APPROVED
        and decided.ends_on
        and decided.ends_on <= today
    ):
        decided = None
    return _Stored(proposal, decided)


def _wanted(document: BudgetDocument) -> tuple[str, ...]:
    spec = document.spec
    money = f"{spec.amount} {spec.currency or ''}".strip()
    carried = "" if spec.carry_over == "none" else f", carry_over {spec.carry_over}"
    most = f" at most {spec.carry_over_max}" if spec.carry_over_max is not None else ""
    return (f"proposes {money} ({spec.unit}) a {spec.period} for {spec.scope}{carried}{most}",)


def _change(document: BudgetDocument, action: str, differences: tuple[str, ...]) -> Change:
    return Change("Budget", document.metadata.name, action, differences)  # type: ignore[arg-type]  # one of the three


def _values(document: BudgetDocument, scope: Scope, at: datetime) -> dict[str, object]:
    values = checked_values(scope=scope, **_stated(document), at=at)
    return {**values, "name": document.metadata.name, "note": document.spec.note}


def _stated(document: BudgetDocument) -> dict[str, Any]:
    """The terms as written; `checked_values` completes what is left out."""
    spec = document.spec
    return {
        "unit": spec.unit,
        "period": spec.period,
        "amount": spec.quantity,
        "starts_on": spec.starts_on,
        "ends_on": spec.ends_on,
        "currency": spec.currency or "",
        "carry_over": spec.carry_over,
        "carry_over_max": Decimal(spec.carry_over_max) if spec.carry_over_max is not None else None,
    }


def _differences(document: BudgetDocument, scope: Scope, budget: Budget, at: datetime) -> tuple[str, ...]:
    """A start in the past counts as "now" on both sides: an approval reaches back to the start of its period only."""
    most = budget.carry_over_max
    carried = {"carry_over": budget.carry_over, "carry_over_max": plain(most) if most is not None else None}
    wanted, now = _values(document, scope, at), {**terms(budget), "note": budget.note, **carried}
    differences = []
    for field in COMPARED:
        new, old = wanted[field], getattr(budget, field)
        if field == "starts_on" and _same_start(document, budget, at.date()):
            continue
        if new != old:
            text = plain(new) if isinstance(new, Decimal) else new
            differences.append(f"{field}: {now[field]} → {text}")
    return tuple(differences)


def _same_start(document: BudgetDocument, budget: Budget, today: date) -> bool:
    if document.spec.starts_on is None:
        return True
    current = period_of(document.spec.period, today, budget.year_starts).start
    return max(document.spec.starts_on, current) == max(budget.starts_on, current)


def _propose(document: BudgetDocument, scope: Scope, *, actor: Actor, at: datetime, source: str) -> None:
    budget = create_budget(
        scope=scope,
        **_stated(document),
        name=document.metadata.name,
        note=document.spec.note,
        source=source,
        actor=actor,
        at=at,
    )
    submit_budget(budget_id=budget.pk, actor=actor, at=at)


def _amend(
    proposal: Budget, document: BudgetDocument, scope: Scope, *, actor: Actor, at: datetime, source: str
) -> None:
    """An undecided proposal takes the new terms; whoever amends it becomes one of its authors."""
    budget, terms_before = locked(proposal.pk, actor), terms(proposal)
    for field, value in _values(document, scope, at).items():
        setattr(budget, field, value)
    budget.source = source
    if budget.status == Budget.Status.SUBMITTED:
        check_fits(budget, at=at)
        budget.submitted_by, budget.submitted_at = actor.person, at
    budget.author_name = actor.stated_name or budget.author_name
    budget.save()
    record_decision(
        actor=actor,
        action="budget.amend",
        scope=scope,
        subject=f"budget:{budget.pk}",
        reason=budget.note,
        evidence={"was": terms_before, "is": terms(budget)},
        at=at,
    )

"""Which rule a request is decided by."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from budgets.approval_rules.documents import RuleSpec
from governance.scopes.engine import is_at_or_below


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for. `amount` includes what requests have given the same budget since its period began;
    `budget` and `parent` are the amounts of the budget that is raised and of the one that the money comes from, which
    is that of the scope `giver`; None and "" where there is none.
    """

    scope: str
    unit: str
    amount: Decimal
    budget: Decimal | None
    parent: Decimal | None
    giver: str
    is_for_period: bool


def rule_for(rules: Iterable[RuleSpec], wanted: Wanted) -> RuleSpec | None:
    """The first rule that holds for it; None where none does."""
    return next((rule for rule in rules if _holds(rule, wanted)), None)


def _holds(rule: RuleSpec, wanted: Wanted) -> bool:
    return (
        (rule.scope is None or is_at_or_below(wanted.scope, rule.scope))
        and (rule.unit is None or rule.unit == wanted.unit)
        and (rule.amount is None or rule.amount.holds(wanted.amount))
        and (rule.percent_of_budget is None or rule.percent_of_budget.holds(wanted.amount, wanted.budget))
        and (rule.percent_of_parent is None or rule.percent_of_parent.holds(wanted.amount, wanted.parent))
        and (not rule.own_reserve or _is_own(rule, wanted))
    )


def _is_own(rule: RuleSpec, wanted: Wanted) -> bool:
    """Whether the money stays in the team: what is given for longer is taken from whatever lies above by then."""
    is_inside = wanted.giver != "" and rule.scope is not None and is_at_or_below(wanted.giver, rule.scope)
    return wanted.is_for_period and is_inside

"""The approval rules in force, and who owns what they name."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from budgets.approval_rules.documents import SPEC, ApprovalSpec
from budgets.approval_rules.engine.agreeing import Holding
from budgets.approval_rules.models import ApprovalRules
from governance.people.models import Ownership


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """An organisation's rules, and the version that they are."""

    version: int
    spec: ApprovalSpec


def rules_in_force(organisations: Collection[str]) -> dict[str, RulesInForce]:
    """By the organisation's path; left out where it has none. One query."""
    rows = ApprovalRules.objects.filter(organisation__path__in=set(organisations), is_current=True)
    return {
        row.organisation.path: RulesInForce(row.pk, SPEC.validate_python(row.document))
        for row in rows.select_related("organisation")
    }


def holdings_at(scope_ids: Iterable[int]) -> dict[int, list[Holding]]:
    """By scope, what active people own it with, directly or through a group. Two queries."""
    held = Ownership.objects.filter(scope_id__in=list(scope_ids))
    found: dict[int, list[Holding]] = {}
    for prefix in ("user", "group__user"):
        fields = ("scope_id", prefix, f"{prefix}__email", "persona", "decision_right", "scope__path")
        for scope, *values in held.filter(**{f"{prefix}__is_active": True}).values_list(*fields):
            found.setdefault(scope, []).append(Holding(*values))
    return found

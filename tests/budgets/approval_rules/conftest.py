from typing import Any

from budgets.approval_rules.documents import ApprovalRulesDocument
from budgets.approval_rules.operations import apply_approval_rules
from governance.documents import Change
from governance.people.rules import Actor
from tests.budgets.conftest import AT, SYSTEM


def rules_of(*rules: dict[str, Any], name: str = "acme", organisation: str = "acme", **spec: Any) -> Any:
    """The document of an organisation's rules."""
    return ApprovalRulesDocument.model_validate({
        "apiVersion": "weir/v1", "kind": "ApprovalRules", "metadata": {"name": name},
        "spec": {"organisation": organisation, "rules": list(rules), **spec},
    })  # fmt: skip


def apply(*rules: dict[str, Any], actor: Actor = SYSTEM, **document: Any) -> Change:
    return apply_approval_rules(rules_of(*rules, **document), actor=actor, at=AT)

"""Attribution rule documents and their conditions, as other packages import them."""

from allocation.attribution.documents.conditions import (
    FIELDS,
    KEY_KINDS,
    WEIR_KEY,
    Call,
    Condition,
    bind,
    condition,
)
from allocation.attribution.documents.rule_sets import (
    AttributionRulesDocument,
    KeySpec,
    RuleSpec,
)

__all__ = [
    "FIELDS",
    "KEY_KINDS",
    "WEIR_KEY",
    "AttributionRulesDocument",
    "Call",
    "Condition",
    "KeySpec",
    "RuleSpec",
    "bind",
    "condition",
]

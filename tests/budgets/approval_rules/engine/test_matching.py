from decimal import Decimal
from typing import Any

import pytest

from budgets.approval_rules.documents import ApprovalSpec
from budgets.approval_rules.engine.matching import Wanted, rule_for

LEAD = [{"persona": "engineering"}]
SPEC = ApprovalSpec.model_validate(
    {
        "organisation": "acme",
        "rules": [
            {"name": "reserve", "scope": "acme/search", "unit": "money", "amount": {"up_to": "200"},
             "own_reserve": True, "steps": LEAD},
            {"name": "tokens", "unit": "tokens", "steps": LEAD},
            {"name": "large", "unit": "money", "amount": {"above": "1000"}, "steps": LEAD},
            {"name": "half", "percent_of_budget": {"above": 50}, "steps": LEAD},
            {"name": "ads", "scope": "acme/ads", "steps": LEAD},
            {"name": "drains", "percent_of_parent": {"above": 10, "up_to": 20}, "steps": LEAD},
        ],
    }
)  # fmt: skip
ASKED: dict[str, Any] = {
    "scope": "acme/search/ranker", "unit": "money", "amount": Decimal(100), "budget": Decimal(1000),
    "parent": Decimal(10000), "giver": "acme", "is_for_period": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({}, ""),
        ({"giver": "acme/search"}, "reserve"),
        ({"giver": "acme/search", "amount": Decimal(200)}, "reserve"),
        ({"giver": "acme/search", "amount": Decimal("200.01")}, ""),
        ({"giver": "acme/search", "is_for_period": False}, ""),
        ({"giver": "acme/searching"}, ""),
        ({"giver": ""}, ""),
        ({"scope": "acme/search2", "giver": "acme/search"}, ""),
        ({"unit": "tokens", "amount": Decimal(5000)}, "tokens"),
        ({"unit": "requests", "amount": Decimal(500)}, ""),
        ({"unit": "requests", "amount": Decimal(501)}, "half"),
        ({"amount": Decimal(1000), "budget": Decimal(5000), "parent": Decimal(5000)}, "drains"),
        ({"amount": Decimal("1000.01"), "budget": Decimal(5000)}, "large"),
        ({"amount": Decimal(2001), "unit": "requests", "budget": Decimal(5000)}, ""),
        ({"budget": None}, "half"),
        ({"budget": Decimal(0)}, "half"),
        ({"scope": "acme/ads"}, "ads"),
        ({"parent": None}, ""),
    ],
    ids=str,
)
def test_the_first_rule_that_holds_is_the_one(asked: dict[str, Any], rule: str) -> None:
    found = rule_for(SPEC.rules, Wanted(**{**ASKED, **asked}))
    assert (found.name if found is not None else "") == rule

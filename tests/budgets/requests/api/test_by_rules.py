from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from budgets.ledger.models import Account
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.approvals.api.test_views import signed_in
from tests.budgets.conftest import Propose, person
from tests.budgets.requests.api.test_views import ASKED, URL, sent
from tests.budgets.requests.conftest import developer

__all__ = ["developer"]
LARGE = {
    "name": "large", "unit": "money", "amount": {"above": "1000"},
    "steps": [{"persona": "engineering", "right": "constrain_demand"}, {"persona": "finance", "at": "acme"}],
}  # fmt: skip
WANTED = [
    {"step": 1, "who": "engineering with the right to constrain demand", "people": 1, "agreed": [], "is_next": True,
     "may_agree": ["lea@example.com"]},
    {"step": 2, "who": "finance, at acme", "people": 1, "agreed": [], "is_next": False, "may_agree": []},
]  # fmt: skip


def test_ask_question_part_approval_by_a_second_one_money_moved_all_in_the_chain(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, developer: Actor
) -> None:
    now = timezone.now()
    approve(acme, "9000", at=now)
    budget = approve(search, "100", at=now)
    apply(LARGE)
    team = signed_in(developer)
    lead = signed_in(person("lea@example.com", search, "engineering", "constrain_demand"))
    approver = signed_in(finance)

    asked = sent(team, "", {**ASKED, "amount": "5000"})[1]
    assert (asked["rule"], asked["steps"], asked["agreements"]) == ("large", WANTED, [])
    one = f"/{asked['id']}"

    def approved(client: Any, **more: str) -> tuple[int, Any]:
        digest = client.get(f"{URL}{one}").json()["digest"]
        return sent(client, f"{one}/approve", {"reason": "It pays.", "expected_digest": digest, **more})

    status, early = approved(approver)
    assert (status, early["code"]) == (403, "approval_by_others")
    assert "lea@example.com may agree next" in early["detail"]
    assert sent(approver, f"{one}/ask", {"text": "Why not cached?"})[0] == 200
    assert sent(team, f"{one}/answer", {"text": "No prefix is shared."})[0] == 200

    status, agreed = approved(lead)
    assert (status, agreed["status"], agreed["granted"]) == (200, "answered", None)
    assert [step["agreed"] for step in agreed["steps"]] == [["lea@example.com"], []]
    assert (agreed["steps"][1]["is_next"], agreed["steps"][1]["may_agree"]) == (True, ["fay@example.com"])
    assert approved(lead)[1]["code"] == "agreement_exists"
    assert approved(team)[1]["code"] == "four_eyes"

    status, done = approved(approver, amount="3000")
    assert (status, done["status"], done["granted"], done["decided_by"]) == (
        200, "approved", "3000", "fay@example.com",
    )  # fmt: skip
    assert [(each["by"], each["step"], each["amount"]) for each in done["agreements"]] == [
        ("lea@example.com", 1, "5000"), ("fay@example.com", 2, "3000"),
    ]  # fmt: skip
    assert Account.objects.get(budget=budget).funded == Decimal(3100)
    actions = DecisionRecord.objects.filter(action__startswith="quota_request.").order_by("seq")
    assert [record.action.partition(".")[2] for record in actions] == ["submit", "ask", "answer", "agree", "approve"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_by_rules_takes_the_same_statements_however_many_there_are(
    search: Scope, approve: Propose, developer: Actor, django_assert_num_queries: Any, count: int
) -> None:
    approve(search, "100", at=timezone.now())
    apply(LARGE)
    team = signed_in(developer)
    for _ in range(count):
        sent(team, "", ASKED)
    with django_assert_num_queries(19):
        assert len(team.get(URL).json()["results"]) == count

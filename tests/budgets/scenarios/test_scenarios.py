"""What was recorded, at other prices: by the command and over REST, for one scope and all below it."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from governance.organisations.operations import create_api_key
from governance.scopes.models import Scope
from tests.allocation.conftest import event
from tests.allocation.variance.used import M, record_usage
from tests.budgets.conftest import AT, SYSTEM, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded(acme: Scope, search: Scope) -> None:
    """5.00 USD of acme/search: two million input tokens of gpt-4o."""
    call = event(occurred_at=datetime(2026, 11, 15, 12, tzinfo=UTC), tokens={"input": 2 * M, "output": 0})
    assert record_usage(events=[call], key_scope_id=acme.pk, at=AT).accepted == 1


def command(*arguments: str) -> list[str]:
    out = StringIO()
    with time_machine.travel(AT, tick=False):
        call_command("scenario", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.usefixtures("recorded")
def test_the_command_says_the_money_first(acme: Scope, search: Scope) -> None:
    budget = create_budget(scope=search, amount=Decimal(6), actor=SYSTEM, at=AT)
    submit_budget(budget_id=budget.pk, actor=SYSTEM, at=AT)
    approve_budget(
        budget_id=budget.pk, actor=person("fay@example.com", acme, "finance", "approve_budget"), reason="ok", at=AT
    )

    assert command("--scope=acme/search", "--prices=30", "--subsidies=openai=50", "--tokens-per-task=2") == [
        "acme/search, 2026-10-25 to 2026-11-24",
        "26.00 USD instead of 5.00 USD in 30 days: +21.00 USD (+420.0 %).",
        (
            "In this order: tasks take other amounts of tokens: +5.00 USD; prices change: +3.00 USD;"
            " subsidies end: +13.00 USD."
        ),
        (
            "At this pace a period of 30 days costs 26.00 USD, now 5.00 USD: the budget of 6.00 USD lacks 20.00 USD,"
            " and would have to be 4.33 times as large."
        ),
        "",
        "model   recorded  as assumed      change",
        "gpt-4o  5.00 USD   26.00 USD  +21.00 USD",
    ]


@pytest.mark.usefixtures("recorded")
def test_a_replacement_is_priced_by_the_catalogue_and_refused_without_a_price() -> None:
    assert command("--scope=acme", "--replace=gpt-4o=openai/gpt-4o-mini")[1] == (
        "0.30 USD instead of 5.00 USD in 30 days: −4.70 USD (−94.0 %)."
    )
    with pytest.raises(CommandError, match="No price is known of openai/nothing-7"):
        command("--scope=acme", "--replace=gpt-4o=openai/nothing-7")
    with pytest.raises(CommandError, match="'more' is no per cent"):
        command("--scope=acme", "--prices=more")


@pytest.mark.usefixtures("recorded")
def test_it_is_asked_over_rest(acme: Scope, search: Scope) -> None:
    def get(of: Scope, permissions: list[str], **asked: Any) -> Any:
        _, secret = create_api_key(scope=of, permissions=permissions, actor=SYSTEM, at=AT)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        with time_machine.travel(AT, tick=False):
            return client.get("/api/v1/scenarios", asked)

    both = ["usage:read", "budgets:read"]
    budget = create_budget(scope=acme, amount=Decimal(6), actor=SYSTEM, at=AT)
    submit_budget(budget_id=budget.pk, actor=SYSTEM, at=AT)
    approver = person("fay@example.com", acme, "finance", "approve_budget")
    approve_budget(budget_id=budget.pk, actor=approver, reason="ok", at=AT)
    told = [get(acme, each, scope="acme").json()["sentences"] for each in (both, both[:1])]
    assert [[sentence.startswith("At this pace") for sentence in each] for each in told] == [[False, True], [False]]
    answer = get(acme, both, scope="acme", prices=["30", "anthropic=10"]).json()
    assert {name: answer[name] for name in ("currency", "first_day", "days", "recorded", "repriced", "models")} == {
        "currency": "USD", "first_day": "2026-10-25", "days": 30, "recorded": "5", "repriced": "6.5",
        "models": [
            {
                "provider": "openai", "model": "gpt-4o", "by": "", "recorded": "5", "repriced": "6.5",
                "meters_without_price": [],
            }
        ],
    }  # fmt: skip
    assert [step["amount"] for step in answer["steps"]] == ["0", "0", "1.5", "0"]
    refused = get(acme, both, scope="acme", prices="30 %")
    assert (refused.status_code, refused.json()["code"]) == (422, "assumption_invalid")
    assert refused.json()["detail"] == "'30 %' is no per cent: write 30, or openai=30 for one provider."
    assert get(acme, ["budgets:read"], scope="acme").status_code == 403
    assert get(search, both, scope="acme").status_code == 404

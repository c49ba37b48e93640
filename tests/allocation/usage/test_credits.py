"""Money that comes back: it lowers cost, roll-ups, charge lines and budgets, and counts no call."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from allocation.focus.engine.check import check
from allocation.focus.engine.layout import EXPORTED
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UsageCharge, UsageDay, UsageHour, UsageMinute, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, Client, document, event, needs_shared_data
from tests.allocation.focus.exported import exported, rows_of
from tests.allocation.usage.importers.exports import bring_in


def costs() -> list[Decimal]:
    stored = [sum(table.objects.values_list("cost", flat=True)) for table in (UsageMinute, UsageHour, UsageDay)]
    return [Decimal(each) for each in (*stored, sum(UsageCharge.objects.values_list("effective_cost", flat=True)))]


@pytest.mark.parametrize(
    "credit", [Decimal("-0.75"), {"amount": Decimal("-0.75"), "currency": "USD"}], ids=["a number", "with its currency"]
)
@pytest.mark.parametrize("status", ["success", "error"])
def test_a_credit_lowers_what_was_spent(acme: Scope, credit: Any, status: str) -> None:
    calls = [event(cost=Decimal(2)), event(cost=credit, requests=3, status=status, cached_response=True, task_id="t")]
    for _time in range(2):
        record_usage(events=calls, key_scope_id=acme.pk, at=AT)
    assert costs() == [Decimal("1.25")] * 4
    day = UsageDay.objects.get()
    assert (day.requests, day.errors, day.unpriced_requests, day.input_tokens) == (1, 0, 0, 1000)
    kept = UsageRecord.objects.get(requests=0)
    assert (kept.cost, kept.status, kept.price_source, kept.input_tokens) == (
        Decimal("-0.75"), "success", "provider", 0,
    )  # fmt: skip


def test_a_credit_over_http_is_accepted(search: Scope, client_of: Client) -> None:
    sent = [document(cost="3"), document(cost={"amount": "-1.000000001", "currency": "USD"})]
    answer = client_of(search).post("/api/v1/usage", sent, format="json")
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (2, [])
    assert costs() == [Decimal("1.999999999")] * 4


@pytest.mark.parametrize("version", EXPORTED)
def test_a_credit_is_a_credit_in_focus(acme: Scope, version: Any) -> None:
    record_usage(events=[event(cost=Decimal(2)), event(cost=Decimal("-0.75"))], key_scope_id=acme.pk, at=AT)
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(exported(acme, version))]
    assert list(check(version, rows)) == []
    [credit] = [row for row in rows if row["ChargeCategory"] == "Credit"]
    assert (credit["BilledCost"], credit["EffectiveCost"], credit["ConsumedQuantity"]) == ("-0.75", "-0.75", None)
    assert sum(Decimal(row["EffectiveCost"] or 0) for row in rows) == Decimal("1.25")


COSTS = """start_time,end_time,amount_value,amount_currency,line_item,project_id,organization_id
1795737600,1795824000,3.25,usd,"o3, output",proj_b,org-y
1795737600,1795824000,-1.125,usd,"promotional credit",proj_b,org-y
"""


def test_a_credit_in_a_providers_export_is_counted(acme: Scope, tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(COSTS.replace("1795737600", "1795478400").replace("1795824000", "1795564800"))
    run = bring_in(acme, path, "openai-costs")
    assert (run.accepted, run.rejected) == (2, 0)
    assert costs() == [Decimal("2.125")] * 4


@needs_shared_data
def test_the_shown_credit_comes_to_what_it_should(acme: Scope, tmp_path: Path) -> None:
    shown = (SHARED / "cases/fail/25-negative-amounts/openai-costs.csv").read_text()
    path = tmp_path / "costs.csv"
    # Three days earlier: the clock of these tests stands before it.
    path.write_text(shown.replace("1795737600", "1795478400").replace("1795824000", "1795564800"))
    bring_in(acme, path, "openai-costs")
    assert costs() == [Decimal("1.5")] * 4
    assert not QuarantinedUsage.objects.exists()

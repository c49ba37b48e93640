"""A month of everything that changes afterwards, out as FOCUS, in again, and out: the same file, the same sums."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from allocation.billing_periods.operations import close_period
from allocation.corrections.operations import settle_import, withdraw_import
from allocation.focus.engine.check import check
from allocation.focus.engine.layout import EXPORTED
from allocation.focus.operations import withdraw_focus_import
from allocation.focus.queries import import_csv
from allocation.usage.importers.files import ImportRequest, import_file, load_mapping, mapping_path
from allocation.usage.models import UsageDay
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation
from tests.allocation.focus.exported import NOVEMBER, OCTOBER, bring_in, clock, exported, rows_of
from tests.allocation.focus.stated import bill, credit, deliver, line
from tests.allocation.sharing import apply_node, use

COSTS = "start_time,amount_value,amount_currency,line_item,project_id,organization_id\n"
NIGHT = 1793577600  # 2026-11-02T00:00Z
BOOKED = 30  # what the node's GPU hours were booked at, instead of which its bill stands


def take_costs(root: Scope, path: Path, *amounts: str) -> int:
    """OpenAI's bill of a night, an item an amount."""
    lines = [f"{NIGHT},{amount},usd,item {n},p1,org-7" for n, amount in enumerate(amounts)]
    path.write_text(COSTS + "\n".join(lines) + "\n")
    mapping = load_mapping(mapping_path("openai-costs"))
    taken = import_file(ImportRequest(path, "mapped", mapping, root.pk), now=clock)
    settle_import(import_id=taken.pk, actor=SYSTEM, at=AT)
    return taken.pk


@pytest.fixture
def eventful(acme: Scope, tmp_path: Path) -> Scope:
    """Bills restated, withdrawn and late, exports restated and withdrawn, credits, and a node used in part."""
    deliver(acme, bill(tmp_path / "october.csv", line("1", month=10), line("2", month=10, day=4)))
    close_period(organisation=acme, month=OCTOBER, reason="Books", actor=SYSTEM, at=AT)
    deliver(acme, bill(tmp_path / "october-again.csv", line("1", month=10), line("3", month=10, day=4)))
    deliver(acme, bill(tmp_path / "1.csv", line("1"), line("2", day=4), credit("-0.25")))
    deliver(acme, bill(tmp_path / "2.csv", line("1"), line("2.5", day=4), credit("-0.25"), credit("-0.1")))
    [wrong] = deliver(acme, bill(tmp_path / "wrong.csv", line("7", account="south")))
    withdraw_focus_import(import_id=wrong.pk, reason="Another company", actor=SYSTEM, at=AT)
    take_costs(acme, tmp_path / "costs-1.csv", "1.5", "0.25")
    take_costs(acme, tmp_path / "costs-2.csv", "1.75", "-0.5")
    take_costs(acme, tmp_path / "costs-3.csv", "1.75", "-0.5", "9")
    withdrawn = take_costs(acme, tmp_path / "costs-4.csv", "2", "-0.5")
    withdraw_import(import_id=withdrawn, reason="A test", actor=SYSTEM, at=AT)
    take_costs(acme, tmp_path / "costs-3.csv", "1.75", "-0.5", "9")
    calls = [event(), event(occurred_at="2026-10-30T12:00:00Z", model="o3"), event(cost=Decimal(-3))]
    record_usage(events=calls, key_scope_id=acme.pk, at=AT)
    apply_node()
    use(acme, "acme/search", str(BOOKED), provider="self", model="llama", gpu_seconds=Decimal(36_000))
    return acme


def cells_of(content: bytes) -> list[dict[str, str | None]]:
    return [{name: cell or None for name, cell in row.items()} for row in rows_of(content)]


def total(rows: list[dict[str, str | None]], cost: str = "EffectiveCost") -> Decimal:
    return sum((Decimal(row[cost] or 0) for row in rows), Decimal(0))


@pytest.mark.parametrize("version", EXPORTED)
def test_an_eventful_month_goes_out_and_in_and_out_again(eventful: Scope, tmp_path: Path, version: Any) -> None:
    content = exported(eventful, version)
    rows = cells_of(content)
    assert list(check(version, rows)) == []
    november = UsageDay.objects.filter(bucket__gte=f"{NOVEMBER}T00:00Z")
    assert total(rows) == sum(day.cost for day in november) - BOOKED + 1440
    assert Counter(row["ChargeCategory"] for row in rows).keys() == {"Usage", "Purchase", "Credit", "Adjustment"}
    assert {row["ChargeClass"] for row in rows} == {None, "Correction"}
    assert {row["CommitmentDiscountStatus"] for row in rows} == {None, "Used", "Unused"}
    globex = make_organisation("globex")
    path = tmp_path / "out.csv"
    path.write_bytes(content)
    source = bring_in(path, globex)
    assert (source.quarantined, source.repeats, source.charges) == (0, 0, len(rows))
    assert exported(globex, version) == content
    assert b"".join(import_csv(source)) == content


@pytest.mark.parametrize("version", EXPORTED)
def test_what_was_restated_and_withdrawn_counts_as_it_stands(eventful: Scope, version: Any) -> None:
    rows = cells_of(exported(eventful, version))
    # Bills, exports, calls and credits, the node, and of October a million tokens more, and o3.
    billed = Decimal(2) + 5 - Decimal("0.35") + Decimal("10.25") + Decimal("0.0035") - 3 + 1440
    late = [row for row in rows if row["ChargeClass"] == "Correction"]
    assert total(rows) - total(late) == billed
    october = UsageDay.objects.filter(bucket__lt=f"{NOVEMBER}T00:00Z")
    assert sum(day.cost for day in october) == 6
    assert (total(late), {row["BillingPeriodStart"] for row in late}) == (
        Decimal(2) + Decimal("0.0028"), {"2026-11-01T00:00:00Z"},
    )  # fmt: skip

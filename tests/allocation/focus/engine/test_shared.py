from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from allocation.focus.engine.check import check
from allocation.focus.engine.layout import EXPORTED, Layout
from allocation.focus.engine.shared import allocated_rows, commitment_rows
from tests.allocation.focus.engine.written import ACCOUNT, SCOPES, parsed


@dataclass(frozen=True)
class Part:
    amount: Decimal = Decimal(30)
    is_external: bool = False
    pool_source: str = "usage"
    period_start: datetime = datetime(2026, 12, 1, tzinfo=UTC)
    period_end: datetime = datetime(2027, 1, 1, tzinfo=UTC)
    method_id: str = "platform/v1"
    method_details: str = '{"Elements":[{"AllocatedRatio":0.5,"UsageUnit":"Tokens","UsageQuantity":7}]}'
    pool: str = "platform"
    allocated_resource_id: str = "acme/search"
    allocated_resource_name: str = "Search"
    allocated_tags: str = "{}"
    run_id: int = 4


def checked(version: Any, rows: list[dict[str, str | None]]) -> list[Any]:
    layout = Layout.of(version)
    return list(check(version, parsed(layout.header() + "".join(layout.line(row) for row in rows)), layout.columns))


@pytest.mark.parametrize("version", EXPORTED)
def test_shared_cost_is_borne_once(version: Any) -> None:
    layout = Layout.of(version)
    rows = list(allocated_rows(layout, Part(), ACCOUNT, SCOPES[1], SCOPES[2]))
    assert [(row["x_ScopePath"], row["EffectiveCost"]) for row in rows] == [("acme/search", "30.0"), ("acme", "-30.0")]
    assert [row.get(layout.available_column("AllocatedMethodId")) for row in rows] == ["platform/v1", None]
    assert checked(version, rows) == []
    # Money that no usage holds is added; what a pool keeps moves nothing; a commitment's rows are there already.
    assert [
        row["BilledCost"] for row in allocated_rows(layout, Part(is_external=True), ACCOUNT, SCOPES[1], SCOPES[2])
    ] == ["30.0"]
    assert list(allocated_rows(layout, Part(), ACCOUNT, SCOPES[1], SCOPES[1])) == []
    idle = Part(is_external=True, pool_source="commitment")
    assert len(list(allocated_rows(layout, idle, ACCOUNT, SCOPES[1], SCOPES[2]))) == 2


@dataclass(frozen=True)
class Share:
    status: str
    amount: Decimal
    quantity: Decimal
    booked_cost: Decimal = Decimal(0)
    scope: str = ""
    model: str = ""
    commitment: str = "gpus-2026"
    kind: str = "reserved_gpu"
    provider: str = "self"
    unit: str = "gpu_hour"
    period_start: datetime = datetime(2026, 10, 5, tzinfo=UTC)
    period_end: datetime = datetime(2026, 10, 6, tzinfo=UTC)


@pytest.mark.parametrize("version", EXPORTED)
@pytest.mark.parametrize("unit", ["gpu_hour", "token", "request", "money"])
def test_a_commitment_is_billed_once_and_effective_once(version: Any, unit: str) -> None:
    used = Share("Used", Decimal(60), Decimal(6), Decimal(90), "acme/search", "llama", unit=unit)
    idle = Share("Unused", Decimal(40), Decimal(4), unit=unit)
    by_path = {"": SCOPES[1], "acme/search": SCOPES[2]}
    rows = list(commitment_rows([used, idle], ACCOUNT, by_path.__getitem__))
    assert [(row["ChargeCategory"], row["BilledCost"], row["EffectiveCost"], row["x_ScopePath"]) for row in rows] == [
        ("Purchase", "100.0", "0.0", "acme"),
        ("Usage", "0.0", "60.0", "acme/search"),
        ("Adjustment", "-90.0", "-90.0", "acme/search"),
        ("Usage", "0.0", "40.0", "acme"),
    ]
    assert [row.get("CommitmentDiscountStatus") for row in rows] == [None, "Used", None, "Unused"]
    assert checked(version, rows) == []
    # With the 90 that the usage was booked at: 100 billed, 100 effective.
    for cost in ("BilledCost", "EffectiveCost"):
        assert sum(Decimal(row[cost] or 0) for row in rows) + 90 == 100

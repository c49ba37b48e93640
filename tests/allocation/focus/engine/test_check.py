"""The rule table: each row a sound one with one thing changed, and what must be said of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.focus.engine.check import check
from allocation.focus.engine.columns import VERSIONS
from tests.allocation.focus.engine.checked import COMMITTED, SOUND, found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        COMMITTED,
        {**COMMITTED, "CommitmentDiscountStatus": "Unused", "ResourceId": "deal", "ConsumedQuantity": None,
         "ConsumedUnit": None},
        {"ChargeClass": "Correction", "ListUnitPrice": None, "ContractedUnitPrice": None, "PricingQuantity": None,
         "PricingUnit": None, "ConsumedQuantity": None, "ConsumedUnit": None, "SkuId": None, "SkuMeter": None,
         "SkuPriceId": None, "SkuPriceDetails": None, "PricingCategory": None, "BilledCost": "-3"},
        {"ListCost": "42.0000009"},
        {"BilledCost": "35.2E-7"},
        {"SkuPriceDetails": '{"GpuCount": 8, "x_Any": null}'},
    ],
)  # fmt: skip
def test_what_is_sound_is_not_found_fault_with(changes: dict[str, Any]) -> None:
    assert found(changes) == set()


def columns_found(columns: list[str], version: Any = "1.2") -> set[tuple[str, str]]:
    row = dict.fromkeys(columns)
    return {(one.rule, one.column) for one in check(version, [row], columns) if one.row is None}


@pytest.mark.parametrize(
    ("columns", "rule", "column"),
    [
        ([*SOUND, "Cost Centre"], "columns.custom", "Cost Centre"),
        ([*SOUND, "x_cost_centre"], "columns.pascal_case", "x_cost_centre"),
        ([*SOUND, f"x_{'A' * 49}"], "columns.length", f"x_{'A' * 49}"),
        ([*SOUND, "HostProviderName"], "columns.version", "HostProviderName"),
        ([*SOUND, "RequesterDetails"], "columns.version", "RequesterDetails"),
        (["x_Own", *SOUND], "columns.custom_last", "x_Own"),
        (["SkuId", *(name for name in SOUND if name != "SkuId")], "columns.sorted", "BilledCost"),
        ([*SOUND, "BilledCost"], "columns.once", "BilledCost"),
        ([name.replace("SkuPriceId", "SkuPriceid") for name in SOUND], "columns.spelling", "SkuPriceid"),
        ([name for name in SOUND if name != "BilledCost"], "BilledCost.present", "BilledCost"),
    ],
)
def test_columns_are_looked_at_once(columns: list[str], rule: str, column: str) -> None:
    assert (rule, column) in columns_found(columns)


def test_findings_name_the_row_and_repeat_nothing_of_it() -> None:
    rows = [SOUND, {**SOUND, "BilledCost": "a secret"}]
    found = [one for one in check("1.2", rows) if one.row is not None]
    assert [(one.row, one.column, one.rule, one.level) for one in found] == [
        (2, "BilledCost", "BilledCost.number", "must")
    ]
    assert "secret" not in found[0].sentence


CELLS = st.none() | st.text(max_size=20) | st.sampled_from(["Usage", "Tax", "1", "NULL", "{}", "2026-10-01T00:00:00Z"])


@given(st.dictionaries(st.sampled_from(sorted(SOUND)) | st.text(max_size=8), CELLS, max_size=20))
def test_any_row_at_all_gets_an_answer(row: dict[str, str | None]) -> None:
    for version in VERSIONS:
        assert all(finding.sentence for finding in check(version, [row]))

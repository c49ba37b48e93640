"""FOCUS files out: what usage and imports cost, in the words of finance, and back again without a change."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from allocation.billing_periods.operations import close_period
from allocation.corrections.operations import rerate_usage
from allocation.focus.engine.check import check
from allocation.focus.engine.layout import EXPORTED, Layout
from allocation.focus.queries import import_csv, unpriced_lines
from allocation.usage.models import UsageCharge, UsageDay
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, SYSTEM, event, make_organisation, needs_shared_data
from tests.allocation.focus.exported import OCTOBER, bring_in, exported, foreign, order, rows_of, use
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.sharing import LICENCE, add_platform, apply_node, apply_split, run
from tests.allocation.sharing import use as share

FOCUS = SHARED / "focus"


AI_ROWS = FOCUS / "ai_rows_focus_1_2_shape_our_own.csv"


SINCE = datetime(2026, 9, 1, tzinfo=UTC)


SPOKEN = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: spoken}
spec:
  organisation: acme
  prices:
    - {provider: elevenlabs, model: speak-2, effective_from: 2026-01-01, character: "4.6875"}
"""


@pytest.mark.parametrize("version", EXPORTED)
def test_an_export_passes_our_own_check(used: Scope, version: Any) -> None:
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(exported(used, version))]
    assert len(rows) == UsageCharge.objects.exclude(price_source="none").count() > 8
    assert list(check(version, rows)) == []


def test_a_row_is_a_kind_of_token_of_a_model_on_a_day(used: Scope) -> None:
    rows = rows_of(exported(used, "1.2"))
    seen = [(row["x_ScopePath"], row["ChargePeriodStart"][:10], row["x_ModelId"], row["SkuMeter"]) for row in rows]
    assert seen == sorted(seen, key=lambda row: row[:2])
    gpt = [row for row in rows if row["x_ModelId"] == "gpt-4o" and row["x_PriceSource"] == "genai-prices"]
    assert [(row["x_Meter"], row["ConsumedQuantity"], row["ListUnitPrice"]) for row in gpt[:4]] == [
        ("cached_input", "300.0", "1.25"),
        ("input", "700.0", "2.5"),
        ("output", "60.0", "10.0"),
        ("reasoning", "40.0", "10.0"),
    ]
    assert sum(Decimal(row["EffectiveCost"]) for row in rows) == sum(day.cost for day in UsageDay.objects.all())


def test_usage_without_a_price_is_no_charge_and_is_counted_apart(used: Scope) -> None:
    assert b"nobody-knows" not in exported(used)
    assert unpriced_lines(order(used)) == UsageCharge.objects.filter(price_source="none").count() > 0


def test_an_export_holds_what_may_be_seen_and_what_was_asked_for(used: Scope) -> None:
    paths = {row["x_ScopePath"] for row in rows_of(exported(used))}
    assert paths == {"acme/ads", "acme/search"}
    ads = Scope.objects.get(path="acme/ads")
    assert {row["x_ScopePath"] for row in rows_of(exported(used, scope_id=ads.pk))} == {"acme/ads"}
    assert rows_of(exported(used, actor=Actor("nobody"))) == []
    assert rows_of(exported(used, since=OCTOBER)) == []


@needs_shared_data
@pytest.mark.parametrize("version", EXPORTED)
def test_a_file_of_ours_has_the_columns_of_the_samples(version: Any) -> None:
    samples = {"1.2": [AI_ROWS], "1.4": sorted((FOCUS / "spec_1_5_draft_ai_examples").glob("*.csv"))}[version]
    drafts = {"CredentialId", "PrincipalId", "RequesterDetails"}
    for sample in samples:
        with sample.open(encoding="utf-8") as file:
            columns = set(next(csv.reader(file))) - drafts
        assert columns <= set(Layout.of(version).columns)


@pytest.mark.parametrize("version", EXPORTED)
def test_out_and_in_and_out_again_is_the_same_file(used: Scope, tmp_path: Path, version: Any) -> None:
    bring_in(foreign(tmp_path), used)
    first = exported(used, version)
    assert (b"x_CostCentre" in first, b"1000.0" in first, b"2026-12-01T00:00:00Z" in first) == (True, True, True)
    globex = make_organisation("globex")
    path = tmp_path / "acme.csv"
    path.write_bytes(first)
    run = bring_in(path, globex)
    assert (run.version, run.quarantined, run.repeats, run.rows_done) == (version, 0, 0, len(rows_of(first)))
    # The same bytes from globex, and from the import itself.
    assert exported(globex, version) == first
    assert b"".join(import_csv(run)) == first


@needs_shared_data
def test_usage_that_an_import_brought_is_written_once(acme: Scope) -> None:
    """Counted for budgets, and in the export as the charge it is."""
    bring_in(AI_ROWS, acme)
    assert UsageCharge.objects.filter(price_source="focus").exists()
    rows = rows_of(exported(acme, "1.2", OCTOBER))
    assert [(row["SkuId"], row["BilledCost"], row["ConsumedQuantity"]) for row in rows] == [
        ("solora-saturn-input", "42.00", "8400000"),
        ("solora-saturn-output", "52.50", "2100000"),
    ]
    assert all(row["x_Records"].endswith(f"rows?row_number={n}") for n, row in enumerate(rows, 1))
    stood = rows_of(AI_ROWS.read_bytes())
    assert [{name: row[name] for name in stood[0]} for row in rows] == stood


@needs_shared_data
def test_a_vendors_bill_is_not_priced_again(acme: Scope) -> None:
    bring_in(AI_ROWS, acme)
    outcome = rerate_usage(organisation=acme, since=SINCE, until=AT, reason="A new contract.", actor=SYSTEM, at=AT)
    assert (outcome.looked_at, outcome.corrected) == (0, 0)


def test_a_sender_cannot_hide_usage_from_the_export(acme: Scope) -> None:
    hidden = event(source="focus", cost=Decimal(5), model="hidden")
    record_usage(events=[hidden], key_scope_id=acme.pk, source_format="focus", at=AT)
    assert b"hidden" in exported(acme)


def test_another_organisation_is_not_in_it(used: Scope) -> None:
    globex = make_organisation("globex")
    use(globex)
    assert b"globex" not in exported(used)
    assert b"acme" not in exported(globex)
    assert {row["BillingAccountId"] for row in rows_of(exported(globex))} == {"globex"}


def test_the_order_does_not_depend_on_the_order_of_arrival(db: None) -> None:
    """Two organisations of the same scopes and usage, made and told the other way round."""
    slugs = ["b", "a", "c"]
    files = []
    for name, order_of_scopes in (("acme", slugs), ("globex", slugs[::-1])):
        root = create_scope(slug=name, kind="organisation", actor=SYSTEM, at=AT)
        for slug in order_of_scopes:
            create_scope(slug=slug, kind="team", parent=root, actor=SYSTEM, at=AT)
        calls = [event(scope=f"{name}/{slug}", model=model) for slug in order_of_scopes for model in ("o3", "gpt-4o")]
        record_usage(events=calls, key_scope_id=root.pk, at=AT)
        rows = rows_of(exported(root))
        files.append([(row["x_ScopePath"].partition("/")[2], row["x_ModelId"], row["x_Meter"]) for row in rows])
    assert files[0] == files[1]
    assert files[0] == sorted(files[0])


@pytest.mark.parametrize("version", EXPORTED)
def test_shared_cost_and_commitments_stand_beside_the_usage(acme: Scope, tmp_path: Path, version: Any) -> None:
    """What the rows of a month sum to: usage, the licence that no usage holds, and the node instead of what the usage
    on it was booked at.
    """
    add_platform(acme)
    apply_split()
    apply_split(LICENCE)
    apply_node()
    share(acme, "acme/platform", "40")
    share(acme, "acme/search", "1", 300)
    share(acme, "acme/ads", "1", 100)
    share(acme, "acme/search", "30", provider="self", model="llama", gpu_seconds=Decimal(36_000))
    run(acme)
    content = exported(acme, version)
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(content)]
    assert list(check(version, rows)) == []
    method = "AllocatedMethodId" if version == "1.4" else "x_AllocatedMethodId"
    allocated = [
        (row["x_ScopePath"], row[method], row["EffectiveCost"]) for row in rows if row["x_PriceSource"] == "allocation"
    ]
    assert allocated == [
        ("acme/ads", "licence@1", "50.0"), ("acme/search", "licence@1", "50.0"),
        ("acme/ads", "platform-team@1", "10.0"), ("acme/platform", None, "-10.0"),
        ("acme/search", "platform-team@1", "30.0"), ("acme/platform", None, "-30.0"),
    ]  # fmt: skip
    committed = [
        (row["ChargeCategory"], row["x_ScopePath"], row["BilledCost"], row["EffectiveCost"])
        for row in rows
        if row["x_PriceSource"] == "commitment"
    ]
    assert committed == [
        ("Purchase", "acme", "1440.0", "0.0"),
        ("Usage", "acme/search", "0.0", "20.0"),
        ("Adjustment", "acme/search", "-30.0", "-30.0"),
        ("Usage", "acme", "0.0", "1420.0"),
    ]
    for cost in ("BilledCost", "EffectiveCost"):
        assert sum(Decimal(row[cost] or 0) for row in rows) == 42 + 100 + 1440
    globex = make_organisation("globex")
    path = tmp_path / "acme.csv"
    path.write_bytes(content)
    bring_in(path, globex)
    assert exported(globex, version) == content


@pytest.mark.parametrize("version", EXPORTED)
def test_a_price_per_character_follows_our_own_rules(acme: Scope, version: Any) -> None:
    apply_book(SPOKEN)
    said = event(provider="elevenlabs", model="speak-2", tokens={}, quantities={"character": Decimal(1234567)})
    record_usage(events=[said], key_scope_id=acme.pk, at=AT)
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(exported(acme, version))]
    assert list(check(version, rows)) == []
    assert [(row["PricingQuantity"], row["PricingUnit"], row["ConsumedQuantity"], row["ListCost"]) for row in rows] == [
        ("1.234567", "1000000 Characters", "1234567.0", "5.787032812")
    ]


@pytest.mark.parametrize("version", EXPORTED)
def test_late_usage_of_a_closed_month_is_a_correction(acme: Scope, version: Any) -> None:
    close_period(organisation=acme, month=OCTOBER, reason="Books", actor=SYSTEM, at=AT)
    late = event(occurred_at="2026-10-30T12:00:00Z", model="o3")
    record_usage(
        events=[late, event(), event(occurred_at=late.occurred_at, cost=Decimal(-3))], key_scope_id=acme.pk, at=AT
    )
    assert rows_of(exported(acme, version, OCTOBER)) == []
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(exported(acme, version))]
    assert list(check(version, rows)) == []
    assert [(row["x_ModelId"], row["x_Meter"], row["ChargeCategory"], row["ChargeClass"]) for row in rows] == [
        ("gpt-4o", "input", "Usage", None), ("gpt-4o", "output", "Usage", None),
        ("gpt-4o", "adjustment", "Credit", "Correction"),
        ("o3", "input", "Usage", "Correction"), ("o3", "output", "Usage", "Correction"),
    ]  # fmt: skip
    assert sum(Decimal(row["EffectiveCost"] or 0) for row in rows) == sum(day.cost for day in UsageDay.objects.all())

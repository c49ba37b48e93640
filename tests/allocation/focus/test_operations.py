"""FOCUS files in: every row kept as it stood, charges read, AI rows counted as usage once."""

import csv
import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.db import DatabaseError, transaction
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from allocation.focus.importers.importing import FocusImportRequest, import_focus_file
from allocation.focus.models import FocusImport, FocusRow, FocusRowStatus
from allocation.focus.queries import import_csv
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import ImportStatus, UsageDay, UsageRecord
from governance.documents import load_documents, parse_document
from governance.errors import Invalid
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, SYSTEM, needs_shared_data

FOCUS = SHARED / "focus"
AI_ROWS = FOCUS / "ai_rows_focus_1_2_shape_our_own.csv"
CSVS = sorted(FOCUS.rglob("*.csv")) if FOCUS.exists() else []


def clock() -> datetime:
    return AT


def bring_in(path: Path, scope: Scope, version: Any = None) -> FocusImport:
    return import_focus_file(FocusImportRequest(path=path, scope=scope, version=version), now=clock)


def cells_of(path: Path) -> list[list[str]]:
    """Header and rows as a reader of CSV sees them; blank lines are no rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.reader(file) if row]


def again(run: FocusImport) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(import_csv(run)).decode(), newline="")))


def padded(rows: list[list[str]]) -> list[list[str]]:
    return [[*row, *[""] * (len(rows[0]) - len(row))] for row in rows]


@needs_shared_data
@pytest.mark.parametrize("path", CSVS, ids=lambda path: path.name)
def test_no_row_is_lost_and_the_same_cells_come_out_again(acme: Scope, path: Path) -> None:
    run = bring_in(path, acme)
    stood = cells_of(path)
    assert (run.status, run.rows_done) == (ImportStatus.FINISHED, len(stood) - 1)
    assert run.charges + run.repeats + run.quarantined == len(stood) - 1
    assert again(run) == padded(stood)


def rows_of(run: FocusImport) -> list[FocusRow]:
    return list(FocusRow.objects.filter(source=run).order_by("row_number"))


@needs_shared_data
def test_the_odd_examples_are_read_for_what_they_mean(acme: Scope) -> None:
    """Dates as month/day/year, dollars with separators, the word null, hours that no day has."""
    dollars = rows_of(bring_in(FOCUS / "spec_1_2_examples/simple_saas_agreements_a1.csv", acme))
    assert [(row.billed_cost, row.charge_period_start) for row in dollars] == [
        (Decimal(10_000), datetime(2025, 4, 1, tzinfo=UTC))
    ]
    unused = rows_of(bring_in(FOCUS / "spec_1_2_examples/commitment_discount_usage_scenario_2.csv", acme))
    assert [(row.effective_cost, row.currency, row.notes) for row in unused] == [
        (Decimal(1), "USD", ["BillingCurrency taken from the organisation"])
    ]
    recurring = rows_of(bring_in(FOCUS / "spec_1_2_examples/commitment_discount_purchase_scenario_2.csv", acme))
    assert [(row.status, row.code, row.field) for row in recurring] == [
        ("charge", "", ""),
        ("charge", "", ""),
        ("quarantined", "not_a_time", "ChargePeriodEnd"),
    ]
    assert "YYYY-MM-DDTHH:mm:ssZ" in recurring[2].message


@needs_shared_data
def test_ai_rows_become_usage_once_and_the_others_do_not(acme: Scope) -> None:
    run = bring_in(AI_ROWS, acme)
    assert (run.version, run.charges, run.used) == ("1.2", 2, 2)
    used = UsageRecord.objects.order_by("input_tokens").values_list(
        "source", "provider", "model", "input_tokens", "output_tokens", "cost", "price_source"
    )
    assert list(used) == [
        ("focus", "Solora AI", "solora-saturn", 0, 2_100_000, Decimal("52.5"), "focus"),
        ("focus", "Solora AI", "solora-saturn", 8_400_000, 0, Decimal(42), "focus"),
    ]
    assert {row.usage_record_id for row in rows_of(run)} == set(UsageRecord.objects.values_list("pk", flat=True))
    assert sum(day.cost for day in UsageDay.objects.all()) == Decimal("94.5")

    sample = bring_in(FOCUS / "focus_sample_1.0_1000.csv", acme)
    assert (sample.charges, sample.used) == (1000, 0)
    assert UsageRecord.objects.count() == 2


@needs_shared_data
def test_the_same_file_again_changes_nothing(acme: Scope, tmp_path: Path) -> None:
    first = bring_in(AI_ROWS, acme)
    before = (FocusRow.objects.count(), UsageRecord.objects.count(), list(UsageDay.objects.values()))
    copy = tmp_path / "another-name.csv"
    copy.write_bytes(AI_ROWS.read_bytes())
    assert bring_in(copy, acme).pk == first.pk
    assert (FocusRow.objects.count(), UsageRecord.objects.count(), list(UsageDay.objects.values())) == before


HEAD = "BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,BilledCost,EffectiveCost,BillingCurrency,"
AI_HEAD = f"{HEAD}ServiceCategory,ServiceProviderName,ConsumedQuantity,ConsumedUnit,SkuMeter,SkuPriceDetails,Tags"
OCTOBER = "2026-10-01T00:00:00Z,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z"


def ai_row(quantity: str, unit: str, meter: str, details: str = "", tags: str = "", cost: str = "1.5") -> str:
    quoted = ",".join('"{}"'.format(text.replace('"', '""')) if text else "" for text in (details, tags))
    return f"{OCTOBER},Usage,0,{cost},USD,AI and Machine Learning,Solora,{quantity},{unit},{meter},{quoted}"


def write(path: Path, *rows: str, head: str = AI_HEAD) -> Path:
    path.write_text("\n".join((head, *rows)) + "\n")
    return path


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (ai_row("500", "Tokens", "Input Tokens"), {"input_tokens": 500}),
        (ai_row("0.5", "1000 Tokens", "Output Tokens"), {"output_tokens": 500}),
        (ai_row("500.0", "Tokens", "Cache Read Input Tokens"), {"input_tokens": 500, "cached_input_tokens": 500}),
        (ai_row("500", "Tokens", "Cached Input Tokens"), {"input_tokens": 500, "cached_input_tokens": 500}),
        (ai_row("500", "Tokens", "Cache Write Input Tokens"), {"input_tokens": 500, "cache_write_tokens": 500}),
        (ai_row("500", "Tokens", "Reasoning Output Tokens"), {"output_tokens": 500, "reasoning_tokens": 500}),
        (ai_row("5E2", "Tokens", "", '{"TokenDirection": "Output"}'), {"output_tokens": 500}),
        (ai_row("500", "Tokens", "", '{"x_TokenDirection": "Input", "x_TokenCacheAction": "Read"}'),
         {"input_tokens": 500, "cached_input_tokens": 500}),
        # The meter's name decides where what stands beside it says otherwise.
        (ai_row("500", "Tokens", "Output Tokens", '{"x_TokenDirection": "Input"}'), {"output_tokens": 500}),
        (ai_row("12", "Requests", "Requests"), {"requests": 12}),
        (ai_row("1.5", "GPU-Hours", "GPU Hours"), {"gpu_seconds": Decimal(5400)}),
        (ai_row("2", "Hours", "Training", '{"GpuCount": 8}'), {"gpu_seconds": Decimal(57600)}),
        (ai_row("7", "Images", "Images"), {}),
    ],
)  # fmt: skip
def test_each_meter_is_counted_as_what_it_is(acme: Scope, tmp_path: Path, row: str, wanted: dict[str, Any]) -> None:
    run = bring_in(write(tmp_path / "one.csv", row), acme)
    assert run.used == 1
    nothing = dict.fromkeys(
        ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"), 0
    )
    used = UsageRecord.objects.get()
    counted = nothing | {"requests": 1, "gpu_seconds": Decimal(0)} | wanted
    assert {name: getattr(used, name) for name in counted} == counted
    # What was paid up front is spent when it is used.
    assert used.cost == Decimal("1.5")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (ai_row("500.5", "Tokens", "Input Tokens"), "not_a_count"),
        (ai_row("500", "Tokens", "Tokens"), "token_kind_unknown"),
        (ai_row("500", "Tokens", "Input Tokens").replace("USD", "EUR"), "exchange_rate_missing"),
        (ai_row("500", "Tokens", "Input Tokens").replace("2026", "2023"), "occurred_too_early"),
        (ai_row("500", "Tokens", "Input Tokens", cost="2000000000"), "invalid_value"),
        (ai_row("-500", "Tokens", "Input Tokens"), ""),
        (ai_row("500", "Tokens", "Input Tokens", cost="-1"), ""),
        (ai_row("500", "Tokens", "Input Tokens").replace("Usage", "Purchase"), ""),
    ],
)
def test_a_charge_that_cannot_be_counted_stays_a_charge(acme: Scope, tmp_path: Path, row: str, code: str) -> None:
    run = bring_in(write(tmp_path / "one.csv", row), acme)
    assert (run.charges, run.used) == (1, 0)
    assert [(kept.code, kept.usage_record_id) for kept in rows_of(run)] == [(code, None)]
    assert not UsageRecord.objects.exists()
    assert not QuarantinedUsage.objects.exists()


def test_rows_that_stand_in_another_file_too_count_once(acme: Scope, tmp_path: Path) -> None:
    one, two = ai_row("500", "Tokens", "Input Tokens"), ai_row("7", "Tokens", "Output Tokens")
    first = bring_in(write(tmp_path / "first.csv", one, one), acme)
    second = bring_in(write(tmp_path / "month-to-date.csv", one, one, one, two), acme)
    assert (first.charges, first.used, first.repeats) == (2, 2, 0)
    assert (second.charges, second.used, second.repeats) == (2, 2, 2)
    assert sum(day.input_tokens for day in UsageDay.objects.all()) == 1500
    assert [row.status for row in rows_of(second)] == ["repeat", "repeat", "charge", "charge"]


RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: focus, owner: finops@example.com}
spec:
  organisation: acme
  rules:
    - {name: by-team, when: {tag.team: ads}, scope: acme/ads}
    - {name: by-account, when: {sub_account: p-*}, scope: acme/search}
"""


def test_tags_and_accounts_attribute(acme: Scope, tmp_path: Path) -> None:
    document = load_documents(RULES, source="rules.yaml")[0]
    apply_attribution_rules(parse_document(TypeAdapter(AttributionRulesDocument), document), actor=SYSTEM, at=AT)
    tagged = ai_row("5", "Tokens", "Input Tokens", tags='{"team": "ads"}')
    other = f"{OCTOBER},Usage,3,3,USD,Compute,Big Cloud,1,Hours,,,"
    ours = f"{OCTOBER},Usage,3,3,USD,Compute,Big Cloud,2,Hours,,,"
    run = bring_in(
        write(
            tmp_path / "tags.csv", f"{tagged},,", f"{other},p-7,", f"{ours},,acme/search/ranker",
            head=f"{AI_HEAD},SubAccountId,x_ScopePath",
        ),
        acme,
    )  # fmt: skip
    assert [(row.scope.path, row.attribution) for row in rows_of(run)] == [
        ("acme/ads", "focus:by-team"), ("acme/search", "focus:by-account"), ("acme/search/ranker", "explicit"),
    ]  # fmt: skip
    assert UsageRecord.objects.get().scope.path == "acme/ads"


def test_bad_rows_wait_with_field_and_fix_and_the_others_go_in(acme: Scope, tmp_path: Path) -> None:
    good = ai_row("500", "Tokens", "Input Tokens")
    bad = {
        good.replace(",0,1.5,", ',"1.000,50",1.5,'): ("not_a_number", "BilledCost"),
        good.replace(",0,1.5,", ",1.000,50,1.5,"): ("not_a_number", "ConsumedQuantity"),
        good.replace("USD", "Credits"): ("unknown_value", "BillingCurrency"),
        good.replace(",0,1.5,", ",abc,1.5,"): ("not_a_number", "BilledCost"),
        good.replace(",0,1.5,", ",,,"): ("missing_field", "BilledCost"),
        good.replace(",0,1.5,", ",1E99999,1.5,"): ("not_a_number", "BilledCost"),
        good.replace(",0,1.5,", f",{'9' * 30},1.5,"): ("out_of_range", "BilledCost"),
        good.replace("2026-10-02T", "2026-09-02T"): ("period_reversed", "ChargePeriodEnd"),
        good.replace("Usage", "Spend"): ("unknown_value", "ChargeCategory"),
        f"{good},,more,cells": ("too_many_cells", ""),
        "x": ("not_a_time", "BillingPeriodStart"),
        good.replace("Solora", "So\0lora"): ("invalid_text", ""),
    }
    run = bring_in(write(tmp_path / "bad.csv", *bad, good), acme)
    assert (run.rows_done, run.charges, run.quarantined) == (len(bad) + 1, 1, len(bad))
    kept = rows_of(run)[:-1]
    assert [(row.code, row.field) for row in kept] == list(bad.values())
    assert all(row.message.endswith(".") and "abc" not in row.message for row in kept)
    assert kept[9].cells[-2:] == ["more", "cells"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.csv", b"", "file_empty"),
        ("quote.csv", AI_HEAD.encode() + b'\n1,"never closed\n2,3\n', "file_unreadable"),
        ("latin.csv", AI_HEAD.encode() + b"\n1,\xff\xfe,3\n", "file_unreadable"),
        ("cut.csv.gz", gzip.compress(AI_HEAD.encode() * 100)[:-20], "file_unreadable"),
        ("none.csv.gz", b"no gzip at all", "file_unreadable"),
        ("none.parquet", b"PAR1 and nothing more", "file_unreadable"),
        ("wide.csv", b"a," * 5000 + b"b\n", "file_unreadable"),
        ("other.csv", b"day,team,cost\n2026-10-01,search,5\n", "version_unknown"),
    ],
)
def test_a_file_that_is_none_brings_nothing_in(
    acme: Scope, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        bring_in(path, acme)
    assert refused.value.code == code
    assert not FocusImport.objects.exists()
    assert not FocusRow.objects.exists()


def test_a_name_is_no_pattern(acme: Scope, tmp_path: Path) -> None:
    row = ai_row("500", "Tokens", "Input Tokens")
    write(tmp_path / "a1.csv", row, row, row)
    assert bring_in(write(tmp_path / "a*.csv", row), acme).rows_done == 1
    assert bring_in(write(tmp_path / "it's [a] {file}?.csv", row, row), acme).rows_done == 2


def test_empty_is_not_null_and_columns_keep_their_order(acme: Scope, tmp_path: Path) -> None:
    text = f'x_Empty,{HEAD}x_Null,Note\n"",{OCTOBER},Tax,1,1,USD,," a ""b"",\nc "\n'
    path = tmp_path / "nulls.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    run = bring_in(path, acme)
    assert run.columns == ["x_Empty", *HEAD.split(",")[:-1], "x_Null", "Note"]
    cells = rows_of(run)[0].cells
    assert (cells[0], cells[-2], cells[-1]) == ("", None, ' a "b",\nc ')
    assert b"".join(import_csv(run)).decode() == text


def test_parquet_is_read_exactly(acme: Scope, tmp_path: Path) -> None:
    path = tmp_path / "charges.parquet"
    base = duckdb.connect()
    base.execute(
        f"""COPY (SELECT TIMESTAMPTZ '2026-10-01 02:00:00+02' AS ChargePeriodStart,
            TIMESTAMP '2026-10-02' AS ChargePeriodEnd, 'Usage' AS ChargeCategory,
            CAST('0.10' AS DECIMAL(20, 6)) AS BilledCost, CAST('12345678901234567890.123456789' AS DECIMAL(38, 9))
            AS EffectiveCost, 'USD' AS BillingCurrency, MAP {{'team': 'ads'}} AS Tags, '' AS x_Empty,
            CAST(NULL AS VARCHAR) AS x_Null) TO '{path}' (FORMAT parquet)"""
    )
    run = bring_in(path, acme)
    row = rows_of(run)[0]
    assert row.cells == [
        "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z", "Usage", "0.100000", "12345678901234567890.123456789", "USD",
        '{"team":"ads"}', "", None,
    ]  # fmt: skip
    assert row.effective_cost == Decimal("12345678901234567890.123456789")


def test_a_broken_off_import_goes_on_where_it_stopped(
    acme: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from allocation.focus.importers import importing as importer

    monkeypatch.setattr(importer, "BATCH", 2)
    row = ai_row("5", "Tokens", "Input Tokens")
    order = FocusImportRequest(path=write(tmp_path / "rows.csv", *[row] * 7), scope=acme)

    def stop(done: int, _count: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_focus_file(order, now=clock, progress=stop)
    broken = FocusImport.objects.get()
    assert (broken.status, broken.rows_done) == (ImportStatus.FAILED, 4)
    done = import_focus_file(order, now=clock)
    assert (done.pk, done.status, done.rows_done, done.charges, done.used) == (broken.pk, "finished", 7, 7, 7)
    assert sum(day.input_tokens for day in UsageDay.objects.all()) == 35
    assert [kept.occurrence for kept in rows_of(done)] == [1, 2, 3, 4, 5, 6, 7]


def test_the_database_keeps_rows_as_they_are(acme: Scope, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "one.csv", ai_row("5", "Tokens", "Input Tokens")), acme)
    row = FocusRow.objects.get()
    attempts: dict[str, Callable[[], object]] = {
        "Cannot update or": lambda: FocusRow.objects.update(billed_cost=0),
        "or delete rows": lambda: FocusRow.objects.all().delete(),
        "focus_charge_counts_once": lambda: FocusRow.objects.bulk_create([_copy(row, row_number=2)]),
        "focus_row_once": lambda: FocusRow.objects.bulk_create([_copy(row, digest="another")]),
        "focus_quarantine_has_a_reason": lambda: FocusRow.objects.bulk_create(
            [_copy(row, row_number=2, status=FocusRowStatus.QUARANTINED)]
        ),
        "focus_charge_is_complete": lambda: FocusRow.objects.bulk_create(
            [_copy(row, row_number=2, digest="another", billed_cost=None)]
        ),
    }
    for refusal, attempt in attempts.items():
        with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
            attempt()
    assert FocusRow.objects.get().billed_cost == row.billed_cost


def _copy(row: FocusRow, **changes: Any) -> FocusRow:
    fields = {field.attname: getattr(row, field.attname) for field in FocusRow._meta.fields if not field.primary_key}
    return FocusRow(**{**fields, **changes})

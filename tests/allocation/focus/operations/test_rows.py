"""FOCUS files in: every row kept as it stood, charges read, AI rows counted as usage once."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from allocation.focus.models import FocusRow, FocusRowStatus
from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UsageDay, UsageRecord
from governance.documents import load_documents, parse_document
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, needs_shared_data
from tests.allocation.focus.brought_in import AI_HEAD, AI_ROWS, FOCUS, OCTOBER, ai_row, bring_in, rows_of, write


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
        (ai_row("500", "Tokens", "Input Tokens").replace("Usage", "Purchase"), ""),
    ],
)
def test_a_charge_that_cannot_be_counted_stays_a_charge(acme: Scope, tmp_path: Path, row: str, code: str) -> None:
    run = bring_in(write(tmp_path / "one.csv", row), acme)
    assert (run.charges, run.used) == (1, 0)
    assert [(kept.code, kept.usage_record_id) for kept in rows_of(run)] == [(code, None)]
    assert not UsageRecord.objects.exists()
    assert not QuarantinedUsage.objects.exists()


@pytest.mark.parametrize(
    ("row", "cost"),
    [
        (ai_row("500", "Tokens", "Input Tokens", cost="-1"), "-1"),
        (ai_row("", "", "", cost="-0.25").replace("Usage", "Credit"), "-0.25"),
        (ai_row("-500", "Tokens", "Input Tokens", cost="-0.125"), "-0.125"),
        (ai_row("", "", "", cost="0.75").replace("Usage", "Adjustment"), "0.75"),
    ],
)
def test_a_credit_lowers_the_cost_and_counts_no_call(acme: Scope, tmp_path: Path, row: str, cost: str) -> None:
    bring_in(write(tmp_path / "month.csv", ai_row("500", "Tokens", "Input Tokens", cost="2"), row), acme)
    assert list(UsageRecord.objects.order_by("-requests").values_list("requests", "input_tokens", "cost")) == [
        (1, 500, Decimal(2)), (0, 0, Decimal(cost)),
    ]  # fmt: skip
    days = UsageDay.objects.all()
    assert (sum(day.cost for day in days), sum(day.requests for day in days)) == (2 + Decimal(cost), 1)


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

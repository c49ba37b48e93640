"""Imported usage withdrawn, and exports that state a day anew."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum

from allocation.corrections.operations import ImportWithdrawn, RecordsDropped, settle_import, withdraw_import
from allocation.management.commands.usage import replacing
from allocation.meters.engine.months import Month
from allocation.usage.importers.files import ImportRequest, import_file, load_mapping
from allocation.usage.models import ImportRun, UsageDay, UsageRecord
from allocation.usage.operations import drop_expired_partitions, record_usage
from governance.errors import Forbidden, NotFound, ReasonMissing
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, document, event
from tests.allocation.corrections.corrected_prices import costs
from tests.allocation.usage.importers.imported import clock

MAPPING = """
format: csv
source: bills
statement: {account: [org], period: PERIOD}
fields:
  id: {columns: [day, org, item]}
  occurred_at: {column: day, assume_utc: true}
  scope: {constant: acme/search}
  provider: {constant: nimbus}
  model: {column: item}
  tokens.output: {column: tokens, default: 0}
  cost: {column: cost}
"""


def stated(root: Scope | None, path: Path, *rows: str, period: str = "day") -> ImportRun:
    path.write_text("\n".join(("day,org,item,tokens,cost", *rows)) + "\n")
    mapping_path = path.with_suffix(".yaml")
    mapping_path.write_text(MAPPING.replace("PERIOD", period))
    scope_id = None if root is None else root.pk
    request = ImportRequest(path=path, source_format="mapped", mapping=load_mapping(mapping_path), scope_id=scope_id)
    return settled(import_file(request, now=clock))


def native(root: Scope, path: Path, *documents: dict[str, Any]) -> ImportRun:
    path.write_text("\n".join(json.dumps(each) for each in documents))
    return settled(import_file(ImportRequest(path=path, source_format="native", scope_id=root.pk), now=clock))


def settled(run: ImportRun) -> ImportRun:
    for _twice in range(2):
        settle_import(import_id=run.pk, actor=SYSTEM, at=AT)
    return run


def withdraw(run: ImportRun, reason: str = "The wrong file", actor: Actor = SYSTEM) -> ImportRun:
    return withdraw_import(import_id=run.pk, reason=reason, actor=actor, at=AT)


def test_a_restated_day_replaces_the_one_before(acme: Scope, search: Scope, tmp_path: Path) -> None:
    first = ("2026-11-03,o,a,100,1.00", "2026-11-03,o,b,7,2.00", "2026-11-04,o,a,9,4.00", "2026-11-03,p,a,1,8.00")
    stated(acme, tmp_path / "1.csv", *first)
    assert costs(search) == [Decimal(15)] * 5
    # One row is restated, one is gone, one is new; another day and another account stay.
    stated(acme, tmp_path / "2.csv", "2026-11-03,o,a,110,1.10", "2026-11-03,o,c,1,0.50")
    assert costs(search) == [Decimal("13.6")] * 5
    assert sum(day.output_tokens for day in UsageDay.objects.all()) == 110 + 1 + 9 + 1
    # What was stated first is stated again: the same records count again.
    stated(acme, tmp_path / "3.csv", *first[:2])
    assert (costs(search), UsageRecord.objects.count()) == ([Decimal(15)] * 5, 6)


def test_a_file_for_any_scope_speaks_for_the_organisations_it_went_to(search: Scope, tmp_path: Path) -> None:
    stated(None, tmp_path / "1.csv", "2026-11-03,o,a,1,1", "2026-11-03,o,b,1,2")
    stated(None, tmp_path / "2.csv", "2026-11-03,o,a,1,4")
    assert costs(search) == [Decimal(4)] * 5


def test_a_month_is_stated_whole(acme: Scope, search: Scope, tmp_path: Path) -> None:
    stated(acme, tmp_path / "1.csv", "2026-11-03,o,a,1,1", "2026-11-20,o,a,1,2", "2026-10-30,o,a,1,4", period="month")
    stated(acme, tmp_path / "2.csv", "2026-11-03,o,a,1,1", period="month")
    assert costs(search) == [Decimal(5)] * 5


def test_what_an_import_brought_counts_no_more_and_again(acme: Scope, search: Scope, tmp_path: Path) -> None:
    told, kept, other = (document(cost=cost) for cost in ("1", "2", "4"))
    record_usage(events=[event(**{**told, "cost": Decimal(1)})], key_scope_id=acme.pk, at=AT)
    run = native(acme, tmp_path / "1.jsonl", told, kept)
    second = native(acme, tmp_path / "2.jsonl", kept, other)
    assert costs(search) == [Decimal(7)] * 5
    withdraw(run)
    # One was told of before, one stands in another file.
    assert costs(search) == [Decimal(7)] * 5
    withdraw(second)
    assert costs(search) == [Decimal(1)] * 5
    record = DecisionRecord.objects.order_by("-pk")[0]
    assert (record.action, record.reason) == (
        "usage.take_back", f"2.jsonl is withdrawn (usage import {second.pk}): The wrong file",
    )  # fmt: skip
    again = native(acme, tmp_path / "2.jsonl", kept, other)
    assert (again.pk != second.pk, costs(search)) == (True, [Decimal(7)] * 5)


def test_nothing_is_withdrawn_without_a_reason_a_right_or_an_import(acme: Scope, search: Scope, tmp_path: Path) -> None:
    run = native(acme, tmp_path / "1.jsonl", document(cost="1"))
    for reason, actor, refusal in ((" ", SYSTEM, ReasonMissing), ("No", Actor("nobody"), Forbidden)):
        with pytest.raises(refusal):
            withdraw(run, reason, actor)
    with pytest.raises(NotFound):
        withdraw_import(import_id=run.pk + 1, reason="No", actor=SYSTEM, at=AT)
    assert costs(search) == [Decimal(1)] * 5
    withdraw(run)
    with pytest.raises(ImportWithdrawn):
        withdraw(run)


def test_what_counts_of_a_month_whose_records_are_gone_is_not_taken_back(
    acme: Scope, search: Scope, tmp_path: Path, settings: Any
) -> None:
    first = stated(acme, tmp_path / "1.csv", "2026-07-03,o,a,1,1.00", "2026-11-03,o,a,1,2.00", period="month")
    settings.USAGE_RETENTION_DAYS = 60
    drop_expired_partitions(at=AT)
    with pytest.raises(RecordsDropped) as refused:
        withdraw(first)
    assert (refused.value.code, refused.value.extra) == ("records_dropped", {"months": ["2026-07"]})
    assert refused.value.detail == (
        "1.csv holds usage of July 2026, whose records were deleted after their retention: what they count for now"
        " cannot be taken back exactly, so nothing is. Send what is wrong as a credit instead: a record of today with a"
        " cost below zero, for the same scope and model."
    )
    assert UsageDay.objects.aggregate(cost=Sum("cost")) == {"cost": Decimal(3)}
    # The month that is there is stated anew, the other stays as it was.
    path = tmp_path / "2.csv"
    stated(acme, path, "2026-07-03,o,a,1,8.00", "2026-11-03,o,a,1,4.00", period="month")
    assert UsageDay.objects.aggregate(cost=Sum("cost")) == {"cost": Decimal(5)}
    again = settle_import(import_id=ImportRun.objects.latest("pk").pk, actor=SYSTEM, at=AT)
    assert (again.replaced, again.kept) == ((), (Month(2026, 7),))
    assert replacing(again) == (
        " July 2026 stays as it was stated before: its records were deleted after their retention. Send a difference as"
        " a record of today, below zero for what was too much."
    )

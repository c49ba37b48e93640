import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from allocation.focus.importers.importing import FocusImportRequest, import_focus_file
from allocation.focus.models import FocusImport, FocusRow
from allocation.focus.queries import import_csv
from allocation.usage.models import ImportStatus, UsageDay, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import needs_shared_data
from tests.allocation.focus.brought_in import AI_ROWS, FOCUS, ai_row, bring_in, clock, rows_of, write

CSVS = sorted(FOCUS.rglob("*.csv")) if FOCUS.exists() else []


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
def test_the_same_file_again_changes_nothing(acme: Scope, tmp_path: Path) -> None:
    first = bring_in(AI_ROWS, acme)
    before = (FocusRow.objects.count(), UsageRecord.objects.count(), list(UsageDay.objects.values()))
    copy = tmp_path / "another-name.csv"
    copy.write_bytes(AI_ROWS.read_bytes())
    assert bring_in(copy, acme).pk == first.pk
    assert (FocusRow.objects.count(), UsageRecord.objects.count(), list(UsageDay.objects.values())) == before


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

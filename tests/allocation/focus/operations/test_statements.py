"""A month that a vendor states again: what changed is taken back beside the records, what stayed is left alone."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.corrections.operations import reattribute_usage
from allocation.focus.models import FocusImport, FocusRow
from allocation.focus.operations import withdraw_focus_import
from allocation.usage.models import UsageDay, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import apply_rules
from tests.allocation.conftest import AT, SHARED, SYSTEM, needs_shared_data
from tests.allocation.focus.exported import NOVEMBER, OCTOBER
from tests.allocation.focus.stated import agreed, bill, credit, deliver, figures, line
from tests.budgets.conftest import Propose, approve, author, finance, propose  # noqa: F401  # fixtures

FIRST = (line("1"), line("2", day=4), line("0.5", day=5, sku="k/output"), credit("-0.25"))
AGAIN = (line("1"), line("2.5", day=4), credit("-0.25"), credit("-0.125", category="Adjustment"))


def spent(scope: Scope) -> Decimal:
    from budgets.ledger.models import Account

    return Account.objects.get(scope=scope, kind="budget").spent


def test_the_later_statement_stands_in_every_figure(acme: Scope, tmp_path: Path, approve: Propose) -> None:  # noqa: F811
    approve(acme, "100")
    [first] = deliver(acme, bill(tmp_path / "day-1.csv", *FIRST))
    assert (agreed(acme), spent(acme)) == (Decimal("6.75"),) * 2
    before = {record.pk: record.cost for record in UsageRecord.objects.all()}
    [second] = deliver(acme, bill(tmp_path / "day-2.csv", *AGAIN))
    assert (agreed(acme), spent(acme)) == (Decimal("6.625"),) * 2
    assert (second.charges, second.repeats, second.used) == (2, 2, 2)
    # Records are as they were; two of them are taken back beside themselves.
    assert {record.pk: record.cost for record in UsageRecord.objects.filter(pk__in=before)} == before
    [run] = AdjustmentRun.objects.all()
    assert (run.kind, run.records, run.cost) == ("take_back", 2, Decimal(-5))
    assert sorted(Adjustment.objects.values_list("output_tokens", "requests", "cost")) == [
        (-2000000, -1, Decimal(-4)), (-500000, -1, Decimal(-1)),
    ]  # fmt: skip
    first.refresh_from_db()
    assert first.replaced_by == second


def test_a_file_that_is_known_changes_nothing(acme: Scope, tmp_path: Path) -> None:
    files = [bill(tmp_path / "1.csv", *FIRST), bill(tmp_path / "2.csv", *AGAIN)]
    for path in (*files, files[1], files[0], files[1]):
        deliver(acme, path)
    assert (agreed(acme), FocusImport.objects.count()) == (Decimal("6.625"), 2)
    # Asked for by name, the former statement stands again.
    deliver(acme, files[0], again=True)
    assert agreed(acme) == Decimal("6.75")
    deliver(acme, files[1], again=True)
    assert agreed(acme) == Decimal("6.625")


def test_other_accounts_and_months_stay(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "1.csv", line("1"), line("1", account="south"), line("1", month=10)))
    deliver(acme, bill(tmp_path / "2.csv", line("3")))
    assert (agreed(acme), agreed(acme, OCTOBER)) == (Decimal(8), Decimal(2))
    assert FocusImport.objects.filter(replaced_by=None).count() == 2


def test_the_parts_of_one_delivery_state_the_month_together(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "old.csv", line("9"), line("1")))
    parts = [bill(tmp_path / f"{n}.csv", line("1"), line(str(n), day=6)) for n in (2, 3)]
    deliver(acme, *parts)
    # The row that stands in both parts is two charges: they are numbered over the delivery.
    assert agreed(acme) == Decimal(2 * (1 + 2 + 1 + 3))
    deliver(acme, *parts)
    assert agreed(acme) == Decimal(14)
    # Another part comes beside them, and a later statement replaces all three.
    deliver(acme, bill(tmp_path / "4.csv", line("4", day=7)), is_additional=True)
    assert agreed(acme) == Decimal(22)
    deliver(acme, bill(tmp_path / "whole.csv", line("1"), line("4", day=7)))
    assert agreed(acme) == Decimal(10)


def test_an_account_that_is_not_named_is_its_issuers(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "1.csv", line("1", account="")))
    deliver(acme, bill(tmp_path / "2.csv", line("2", account="").replace("Nimbus", "Stratus")))
    assert agreed(acme) == Decimal(6)
    deliver(acme, bill(tmp_path / "3.csv", line("3", account="")))
    assert agreed(acme) == Decimal(10)


def test_a_closed_month_keeps_its_figures_and_is_corrected_now(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "1.csv", line("1", month=10), line("2", month=10, day=4)))
    close_period(organisation=acme, month=date(2026, 10, 1), reason="Books", actor=SYSTEM, at=AT)
    october = figures(acme, OCTOBER)
    [restated] = deliver(acme, bill(tmp_path / "2.csv", line("1", month=10), line("2.5", month=10, day=4)))
    assert figures(acme, OCTOBER) == october
    assert agreed(acme) == Decimal(1)
    withdraw_focus_import(import_id=restated.pk, reason="Sent by mistake", actor=SYSTEM, at=AT)
    assert (figures(acme, OCTOBER), agreed(acme)) == (october, Decimal(-6))


RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: focus, owner: finops@example.com}
spec:
  organisation: acme
  rules:
    - {name: by-account, when: {sub_account: sub-7}, scope: acme/ads}
"""


def test_what_moved_to_another_scope_is_taken_back_there(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "1.csv", line("1"), line("2", day=4)))
    apply_rules(RULES)
    reattribute_usage(
        organisation="acme", since=AT.replace(day=1), until=AT, reason="Accounts have scopes", actor=SYSTEM, at=AT
    )
    deliver(acme, bill(tmp_path / "2.csv", line("1"), line("3", day=4)))
    assert agreed(acme) == Decimal(8)
    by_scope = {day.scope.path: day.cost for day in UsageDay.objects.filter(bucket__day=4) if day.cost}
    assert by_scope == {"acme/ads": Decimal(6)}


def test_rows_that_no_file_states_keep_their_cells(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "1.csv", *FIRST))
    cells = list(FocusRow.objects.order_by("pk").values_list("cells", flat=True))
    deliver(acme, bill(tmp_path / "2.csv", *AGAIN))
    assert list(FocusRow.objects.order_by("pk").values_list("cells", flat=True))[: len(cells)] == cells
    assert FocusRow.objects.filter(taken_back_at=AT).count() == 2


@needs_shared_data
@pytest.mark.parametrize("times", [1, 2])
def test_the_shown_restatement_counts_once(acme: Scope, tmp_path: Path, times: int) -> None:
    case = SHARED / "cases/fail/04-focus-restated-row"
    for _time in range(times):
        for name in ("month-as-of-day-1.csv", "month-as-of-day-2.csv"):
            deliver(acme, case / name)
    assert set(figures(acme, NOVEMBER, is_sound=False).values()) == {Decimal("1.10")}

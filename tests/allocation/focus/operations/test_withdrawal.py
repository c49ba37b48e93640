"""An import withdrawn: what only it stated counts no more, and counts again when the file comes again."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from allocation.corrections.operations import ImportWithdrawn, RecordsDropped
from allocation.focus.models import FocusImport
from allocation.focus.operations import withdraw_focus_import
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import drop_expired_partitions
from governance.errors import Forbidden, NotFound, ReasonMissing
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.focus.stated import agreed, bill, credit, deliver, line


def withdraw(run: FocusImport, reason: str = "The wrong account", actor: Actor = SYSTEM) -> FocusImport:
    return withdraw_focus_import(import_id=run.pk, reason=reason, actor=actor, at=AT)


def test_what_it_brought_counts_no_more_and_again_when_it_comes_again(acme: Scope, tmp_path: Path) -> None:
    path = bill(tmp_path / "bill.csv", line("1"), line("1"), credit("-0.5"))
    [run] = deliver(acme, path)
    assert agreed(acme) == Decimal("3.5")
    withdrawn = withdraw(run)
    assert (withdrawn.withdrawn_at, withdrawn.withdrawal_reason, withdrawn.counts) == (AT, "The wrong account", False)
    assert agreed(acme) == 0
    assert {(day.requests, day.output_tokens) for day in UsageDay.objects.all()} == {(0, 0)}
    record = DecisionRecord.objects.order_by("-pk")[0]
    assert (record.action, record.reason) == (
        "usage.take_back", f"bill.csv is withdrawn (FOCUS import {run.pk}): The wrong account",
    )  # fmt: skip
    [again] = deliver(acme, path)
    assert (again.pk != run.pk, again.charges, again.repeats) == (True, 3, 0)
    assert agreed(acme) == Decimal("3.5")
    withdraw(again)
    assert (agreed(acme), UsageRecord.objects.count()) == (0, 6)


def test_what_another_file_states_too_stays(acme: Scope, tmp_path: Path) -> None:
    [first] = deliver(acme, bill(tmp_path / "1.csv", line("1"), line("2", day=4)))
    [second] = deliver(acme, bill(tmp_path / "2.csv", line("1"), line("4", day=6)), is_additional=True)
    withdraw(first)
    assert agreed(acme) == Decimal(10)
    withdraw(second)
    assert agreed(acme) == 0


def test_a_statement_that_is_withdrawn_takes_what_stayed_with_it(acme: Scope, tmp_path: Path) -> None:
    [first] = deliver(acme, bill(tmp_path / "1.csv", line("1"), line("2", day=4)))
    [second] = deliver(acme, bill(tmp_path / "2.csv", line("1"), line("3", day=4)))
    # What was replaced states nothing any more.
    withdraw(first)
    assert agreed(acme) == Decimal(8)
    withdraw(second)
    assert agreed(acme) == 0


def test_what_counts_of_a_month_whose_records_are_gone_is_not_taken_back(
    acme: Scope, tmp_path: Path, settings: Any
) -> None:
    [run] = deliver(acme, bill(tmp_path / "bill.csv", line("1", month=7)))
    settings.USAGE_RETENTION_DAYS = 60
    drop_expired_partitions(at=AT)
    with pytest.raises(RecordsDropped) as refused:
        withdraw(run)
    assert refused.value.extra == {"months": ["2026-07"]}
    with pytest.raises(RecordsDropped):
        deliver(acme, bill(tmp_path / "anew.csv", line("3", month=7)))
    assert [(each.status, each.withdrawn_at) for each in FocusImport.objects.order_by("pk")] == [
        ("finished", None), ("failed", None),
    ]  # fmt: skip
    assert agreed(acme, date(2026, 7, 1)) == Decimal(2)


def test_nothing_happens_without_a_reason_a_right_or_an_import(acme: Scope, tmp_path: Path) -> None:
    [run] = deliver(acme, bill(tmp_path / "1.csv", line("1")))
    for reason, actor, refusal in (("  ", SYSTEM, ReasonMissing), ("No", Actor("nobody"), Forbidden)):
        with pytest.raises(refusal):
            withdraw(run, reason, actor)
    with pytest.raises(NotFound):
        withdraw_focus_import(import_id=run.pk + 1, reason="No", actor=SYSTEM, at=AT)
    assert agreed(acme) == Decimal(2)
    withdraw(run)
    with pytest.raises(ImportWithdrawn):
        withdraw(run)

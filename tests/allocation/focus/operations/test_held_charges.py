"""A charge held for its cost goes with its bill: set aside while it waits, taken back where it was accepted."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from allocation.focus.models import FocusImport, FocusRow
from allocation.focus.operations import withdraw_focus_import
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import correct_quarantined, replay_quarantined
from allocation.usage.engine import call_prices
from allocation.usage.engine.call_prices import FOCUS
from allocation.usage.models import UsageDay, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.focus.stated import agreed, bill, credit, deliver, line
from tests.allocation.prices.operations.test_price_books import apply_book

BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: own}
spec:
  organisation: acme
  prices: [{provider: Nimbus, model: m, effective_from: 2026-01-01, input: 0.01, output: 0.01}]
"""


@pytest.fixture
def run(acme: Scope, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> FocusImport:
    """A bill of 2 and a credit of 0.5, as a release brought it in that held bills, too: the 2 wait, for they are 200
    times the list's price.
    """
    apply_book(BOOK)
    with monkeypatch.context() as patched:
        settings.USAGE_BILLS_HELD = True
        patched.setattr(call_prices, "PROVIDER", FOCUS)
        [run] = deliver(acme, bill(tmp_path / "bill.csv", line("1"), credit("-0.5")))
    held = QuarantinedUsage.objects.get()
    assert (held.code, held.source_format, spent()) == ("cost_held", FOCUS, Decimal("-0.5"))
    return run


def spent() -> Decimal:
    return sum((record.cost or Decimal(0) for record in UsageRecord.objects.all()), Decimal(0))


def withdraw(run: FocusImport) -> None:
    withdraw_focus_import(import_id=run.pk, reason="The wrong account", actor=SYSTEM, at=AT)


def accept() -> None:
    result = replay_quarantined(actor=SYSTEM, accept_costs=True, reason="As agreed with Nimbus.", at=AT)
    assert (result.accepted, result.remaining) == (1, {})


def test_what_waits_is_set_aside_and_counts_no_more(acme: Scope, run: FocusImport) -> None:
    withdraw(run)
    held = QuarantinedUsage.objects.get()
    assert (held.set_aside_at, held.replayed_at) == (AT, None)
    assert replay_quarantined(actor=SYSTEM, accept_costs=True, reason="Late.", at=AT).accepted == 0
    assert agreed(acme) == 0


def test_what_was_accepted_is_taken_back(acme: Scope, run: FocusImport) -> None:
    accept()
    assert agreed(acme) == Decimal("1.5")
    withdraw(run)
    assert agreed(acme) == 0
    assert {row.taken_back_at for row in FocusRow.objects.filter(source=run)} == {AT}


def test_what_was_corrected_to_another_day_is_taken_back_there(acme: Scope, run: FocusImport) -> None:
    held = QuarantinedUsage.objects.get()
    correct_quarantined(
        record_id=held.pk, changes={"occurred_at": "2026-11-08T00:00:00Z", "cost": "1"}, reason="A wrong day.",
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    corrected = UsageRecord.objects.get(cost=1)
    assert (corrected.occurred_at, spent()) == (datetime.fromisoformat("2026-11-08T00:00:00Z"), Decimal("0.5"))
    withdraw(run)
    assert {day.bucket.day: day.cost for day in UsageDay.objects.exclude(cost=0)} == {}
    assert agreed(acme) == 0


@pytest.mark.usefixtures("run")
def test_a_month_that_is_stated_anew_leaves_it_out(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "anew.csv", line("3", day=9)))
    assert QuarantinedUsage.objects.get().set_aside_at is not None
    assert agreed(acme) == Decimal(6)

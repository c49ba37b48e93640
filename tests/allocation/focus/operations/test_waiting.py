"""Charges in a currency without a rate: usage as soon as the rate is there, once."""

from decimal import Decimal
from pathlib import Path

import pytest

from allocation.focus.operations import count_waiting_charges
from allocation.usage.models import UsageDay
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, SYSTEM, needs_shared_data
from tests.allocation.focus.brought_in import rows_of
from tests.allocation.focus.stated import apply_rates, bill, deliver, line

CODE = "exchange_rate_missing"


def spent() -> Decimal:
    return sum((day.cost for day in UsageDay.objects.all()), Decimal(0))


@pytest.mark.parametrize("way", ["the same file again", "a replay"])
def test_a_charge_is_usage_once_its_rate_is_there(acme: Scope, tmp_path: Path, way: str) -> None:
    path = bill(tmp_path / "gbp.csv", line("1", currency="GBP"), line("1", currency="GBP"), line("1", currency="CHF"))
    [run] = deliver(acme, path)
    assert ([row.code for row in rows_of(run)], run.used, spent()) == ([CODE] * 3, 0, 0)
    apply_rates("GBP", "1.25")
    for _time in range(2):
        if way == "a replay":
            count_waiting_charges(actor=SYSTEM, code=CODE, at=AT)
        else:
            deliver(acme, path)
        run.refresh_from_db()
        assert ([row.code for row in rows_of(run)], run.used) == (["", "", CODE], 2)
        assert spent() == 2 * 2 * Decimal("1.25")


def test_a_dry_run_counts_nothing(acme: Scope, tmp_path: Path) -> None:
    deliver(acme, bill(tmp_path / "gbp.csv", line("1", currency="GBP"), line("1", currency="CHF")))
    apply_rates("GBP", "1.25")
    planned = count_waiting_charges(actor=SYSTEM, at=AT, dry_run=True)
    assert (planned.counted, planned.remaining, spent()) == (1, {CODE: 1}, 0)
    nobody = count_waiting_charges(actor=Actor("nobody"), at=AT)
    assert (nobody.counted, nobody.remaining, spent()) == (0, {}, 0)


@needs_shared_data
def test_the_shown_charge_becomes_usage(acme: Scope) -> None:
    path = SHARED / "cases/fail/21-focus-other-currency-after-the-rate/charge-in-eur.csv"
    deliver(acme, path)
    apply_rates("EUR", "1.10")
    deliver(acme, path)
    assert spent() == Decimal("1.10")

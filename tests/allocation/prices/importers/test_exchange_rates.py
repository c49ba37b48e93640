from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from allocation.prices.importers.exchange_rates import read_rates
from allocation.prices.models import ExchangeRate
from governance.errors import DomainError
from governance.scopes.models import Scope

WIDE = "Date, USD, JPY, GBP, \n24 November 2026, 1.1, N/A, 0.83, \n2026-11-23, 1.08, 160.5, zero, \n"


LONG = "date,from,to,rate\n2026-11-24,EUR,USD,1.1\n2026-11-24,EUR,EUR,1\n"


def test_a_table_as_the_ecb_publishes_it() -> None:
    found = read_rates(WIDE, base="EUR")
    assert [(f"{rate.effective_from}", rate.to_currency, f"{rate.rate}") for rate in found.rates] == [
        ("2026-11-24", "USD", "1.1"), ("2026-11-24", "GBP", "0.83"), ("2026-11-23", "USD", "1.08"),
        ("2026-11-23", "JPY", "160.5"),
    ]  # fmt: skip
    assert ([one.name for one in found.unusable], found.cells) == (["line 3 GBP"], 5)
    only = read_rates(WIDE, base="EUR", currencies=frozenset({"USD"}), since=date(2026, 11, 24))
    assert [rate.rate for rate in only.rates] == [Decimal("1.1")]


def test_one_rate_a_line() -> None:
    found = read_rates(LONG, base="EUR")
    assert ([rate.key for rate in found.rates], [one.name for one in found.unusable]) == (
        [("EUR", "USD", date(2026, 11, 24))], ["line 3"]
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "Day,USD\n", "Date,dollars\n2026-11-24,1\n"])
def test_another_table_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        read_rates(text, base="EUR")


def test_the_command_brings_rates_in(acme: Scope, tmp_path: Path) -> None:
    file = tmp_path / "eurofxref.csv"
    file.write_text(WIDE)
    words = ("prices", "rates", str(file), "--organisation", "acme", "--source", "ECB")
    out = StringIO()
    call_command(*words, "--dry-run", stdout=out)
    assert ExchangeRate.objects.count() == 0
    call_command(*words, stdout=out)
    call_command(*words, stdout=out)
    said = out.getvalue().splitlines()
    assert said.count("not usable: line 3 GBP: rate: Input should be a valid decimal") == 3
    assert [line.rpartition(": ")[2] for line in said if "rates read" in line] == [
        "would be created.", "created.", "unchanged.",
    ]  # fmt: skip
    assert ExchangeRate.objects.count() == 4

"""Bills of a month as a vendor restates them, and what every figure of Weir's says of them."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from allocation.focus.engine.check import check
from allocation.focus.importers.importing import FocusImportRequest, import_focus_delivery
from allocation.focus.models import FocusImport
from allocation.usage.models import UsageCharge, UsageDay, UsageHour, UsageMinute
from governance.scopes.models import Scope
from tests.allocation.focus.brought_in import clock
from tests.allocation.focus.exported import NOVEMBER, exported, rows_of
from tests.allocation.prices.exchange_rates import RATES
from tests.allocation.prices.operations.test_exchange_rates import apply_rates as apply_them

COLUMNS = (
    "BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,ChargeCategory,"
    "ChargeClass,ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,"
    "ContractedCost,ContractedUnitPrice,EffectiveCost,InvoiceIssuerName,ListCost,ListUnitPrice,PricingCategory,"
    "PricingQuantity,PricingUnit,ProviderName,PublisherName,ServiceCategory,ServiceName,SkuId,SkuMeter,SkuPriceId,"
    "SubAccountId,SubAccountName,ServiceSubcategory,BillingAccountType,SubAccountType,PricingCurrency,"
    "PricingCurrencyEffectiveCost,PricingCurrencyListUnitPrice,PricingCurrencyContractedUnitPrice"
)
REST = "Generative AI,Payer,Team,USD"


def line(
    millions: str, *, account: str = "north", day: int = 3, month: int = 11, price: str = "2", sku: str = "m/output",
    currency: str = "USD",
) -> str:  # fmt: skip
    """So many millions of output tokens at `price`."""
    cost = Decimal(millions) * Decimal(price)
    tokens = int(Decimal(millions) * 10**6)
    period = f"2026-{month + 1:02}-01T00:00:00Z,2026-{month:02}-01T00:00:00Z"
    charged = f"2026-{month:02}-{day + 1:02}T00:00:00Z,2026-{month:02}-{day:02}T00:00:00Z"
    return (
        f"{cost},{account},Bill,{currency},{period},Usage,,tokens,Usage-Based,{charged},{tokens},Tokens,{cost},{price},"
        f"{cost},Nimbus,{cost},{price},Standard,{millions},1000000 Tokens,Nimbus,Nimbus,AI and Machine Learning,"
        f"Nimbus AI,{sku},Output Tokens,{sku},sub-7,Sub,{REST},{cost},{price},{price}"
    )


def credit(cost: str, *, account: str = "north", category: str = "Credit", month: int = 11) -> str:
    period = f"2026-{month + 1:02}-01T00:00:00Z,2026-{month:02}-01T00:00:00Z"
    return (
        f"{cost},{account},Bill,USD,{period},{category},,goodwill,One-Time,2026-{month:02}-05T00:00:00Z,"
        f"2026-{month:02}-04T00:00:00Z,,,{cost},,{cost},Nimbus,{cost},,,,,Nimbus,Nimbus,AI and Machine Learning,"
        f"Nimbus AI,,,,sub-7,Sub,{REST},{cost},,"
    )


def bill(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((COLUMNS, *lines)) + "\n")
    return path


def deliver(scope: Scope, *paths: Path, at: Any = clock, **how: Any) -> list[FocusImport]:
    return import_focus_delivery([FocusImportRequest(path=path, scope=scope, **how) for path in paths], now=at)


def figures(root: Scope, since: date = NOVEMBER, *, is_sound: bool = True) -> dict[str, Decimal]:
    """The month's cost by roll-ups, charge lines and the FOCUS file, which follows our own rules."""
    rows = [{name: cell or None for name, cell in row.items()} for row in rows_of(exported(root, "1.2", since))]
    faults = check("1.2", rows, list(rows[0])) if rows and is_sound else ()
    assert [each for each in faults if each.level == "must"] == []
    until = date(since.year, since.month + 1, 1)
    of_month = {"bucket__gte": f"{since}T00:00Z", "bucket__lt": f"{until}T00:00Z"}
    stored = {
        table.__name__: Decimal(sum(table.objects.filter(**of_month).values_list("cost", flat=True)))
        for table in (UsageMinute, UsageHour, UsageDay)
    }
    charged = UsageCharge.objects.filter(day__gte=since, day__lt=until).values_list("effective_cost", flat=True)
    focus = sum((Decimal(row["EffectiveCost"] or 0) for row in rows), Decimal(0))
    return {**stored, "charges": Decimal(sum(charged)), "focus": focus}


def agreed(root: Scope, since: date = NOVEMBER) -> Decimal:
    """The one figure that all of them name."""
    [figure] = set(figures(root, since).values())
    return figure


def apply_rates(currency: str, rate: str) -> None:
    """A rate into dollars from November on."""
    known = f'from: {currency}, to: USD, effective_from: 2026-11-01, rate: "{rate}"'
    apply_them(RATES.replace('from: EUR, to: USD, effective_from: 2026-11-20, rate: "1.08"', known))

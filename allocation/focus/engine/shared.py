"""Shared cost and commitments as rows of FOCUS, beside the usage they concern. Quantities are on the usage's own rows
only, and the costs of all rows sum to what was spent.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from allocation.focus.engine.formats import number_text, time_text
from allocation.focus.engine.layout import Layout
from allocation.focus.engine.lines import GENERATIVE, Account, ScopeFacts, account_cells, provider_name, unit_price
from allocation.focus.engine.values import AI
from governance.calendar.engine import first_of_month, midnight, month_after

Row = dict[str, str | None]


class AllocatedCharge(Protocol):
    """A part of a pool of shared cost in a period, moved from the origin scope to the target scope."""

    @property
    def period_start(self) -> datetime: ...
    @property
    def period_end(self) -> datetime: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def method_id(self) -> str: ...
    @property
    def method_details(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def pool_source(self) -> str: ...
    @property
    def is_external(self) -> bool: ...
    @property
    def allocated_resource_id(self) -> str: ...
    @property
    def allocated_resource_name(self) -> str: ...
    @property
    def allocated_tags(self) -> str: ...
    @property
    def run_id(self) -> int: ...


class CommittedCharge(Protocol):
    """A part of a commitment's amount: used by a scope on a day, or unused by any scope in a month."""

    @property
    def commitment(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def period_start(self) -> datetime: ...
    @property
    def period_end(self) -> datetime: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def unit(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def booked_cost(self) -> Decimal: ...


class HeldCommitment(Protocol):
    """How a pool shares the commitment."""

    def moved(self, amount: Decimal, booked_cost: Decimal) -> Decimal:
        """What goes to the pool's origin of a part that somebody used."""


UNITS = {"gpu_hour": "GPU-Hours", "token": "Tokens", "request": "Requests"}


def allocated_rows(
    layout: Layout, line: AllocatedCharge, account: Account, origin: ScopeFacts, target: ScopeFacts
) -> Iterator[Row]:
    """The target's part and, where the origin's own charges include the money, its deduction from the origin. What the
    origin keeps for itself needs no row.
    """
    # A commitment's rows are in the file already, so that a pool of its cost adds no money either.
    adds = line.is_external and line.pool_source != "commitment"
    if origin.id == target.id and not adds:
        return
    named = {
        "AllocatedMethodDetails": line.method_details,
        "AllocatedMethodId": line.method_id,
        "AllocatedResourceId": line.allocated_resource_id,
        "AllocatedResourceName": line.allocated_resource_name,
        "AllocatedTags": line.allocated_tags,
    }
    yield {
        **_shared(line, account, target, line.amount),
        "ChargeDescription": f"Part of {line.pool}",
        **{layout.available_column(column): text for column, text in named.items()},
    }
    if not adds:
        yield {
            **_shared(line, account, origin, -line.amount),
            "ChargeDescription": f"{line.pool} borne by {target.path}",
        }


def _shared(line: AllocatedCharge, account: Account, scope: ScopeFacts, amount: Decimal) -> Row:
    return {
        **_row(account, scope, account.name, line.period_start, line.period_end),
        **_costs(amount, amount),
        "ChargeCategory": "Adjustment",
        "ChargeFrequency": "Recurring",
        "ServiceName": line.pool,
        "x_PriceSource": "allocation",
        "x_Records": f"/api/v1/allocation-runs/{line.run_id}",
    }


def commitment_rows(
    lines: Sequence[CommittedCharge],
    account: Account,
    scope_of: Callable[[str], ScopeFacts],
    *,
    held: HeldCommitment | None = None,
    holder: ScopeFacts | None = None,
) -> Iterator[Row]:
    """One commitment in one month: billed as a purchase; effective where it was used, in place of what that usage was
    booked at, and where it was unused: at `holder` where a pool shares the commitment, which then `held` what was used
    too. `lines` must not be empty.
    """
    first = lines[0]
    home = scope_of("")
    amount = sum((line.amount for line in lines), Decimal(0))
    start, end = midnight(first_of_month(first.period_start)), midnight(month_after(first.period_start))
    yield {
        **_of_commitment(first, account, home, start, end),
        **_costs(amount, amount),
        **_quantity(first, Decimal(1), "Months", amount),
        "ChargeCategory": "Purchase",
        "ChargeDescription": f"{first.commitment} for the month",
        "ChargeFrequency": "Recurring",
        "CommitmentDiscountQuantity": number_text(sum((line.quantity for line in lines), Decimal(0))),
        "CommitmentDiscountUnit": UNITS.get(first.unit, account.currency),
        "EffectiveCost": "0.0",
        "PricingCategory": "Standard",
        "PricingCurrencyEffectiveCost": "0.0",
        "x_ModelId": None,
    }
    for line in lines:
        if line.status != "Used":
            yield _unused(line, account, holder or home)
            continue
        scope = scope_of(line.scope)
        yield _used(line, account, scope)
        if line.booked_cost:
            costs = _costs(-line.booked_cost, -line.booked_cost)
            yield _adjusted(line, account, scope, costs, f"{line.model} as booked, covered by {line.commitment}")
        moved = Decimal(0) if held is None else held.moved(line.amount, line.booked_cost)
        if moved and holder is not None and holder.id != scope.id:
            told = f"{line.model} on {line.commitment}, shared by a pool"
            yield _adjusted(line, account, scope, _costs(Decimal(0), -moved), told)
            yield _adjusted(line, account, holder, _costs(Decimal(0), moved), told)


def _used(line: CommittedCharge, account: Account, scope: ScopeFacts) -> Row:
    unit = UNITS.get(line.unit, account.currency)
    return {
        **_of_commitment(line, account, scope, line.period_start, line.period_end),
        **_costs(Decimal(0), line.amount),
        **_quantity(line, line.quantity, unit, line.amount),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{line.model} covered by {line.commitment}",
        "ChargeFrequency": "Usage-Based",
        "CommitmentDiscountQuantity": number_text(line.quantity),
        "CommitmentDiscountStatus": "Used",
        "CommitmentDiscountUnit": unit,
        "ConsumedQuantity": number_text(line.quantity),
        "ConsumedUnit": unit,
        "PricingCategory": "Committed",
    }


def _adjusted(line: CommittedCharge, account: Account, scope: ScopeFacts, costs: Row, told: str) -> Row:
    return {
        **_of_commitment(line, account, scope, line.period_start, line.period_end),
        **costs,
        "ChargeCategory": "Adjustment",
        "ChargeDescription": told,
        "ChargeFrequency": "Usage-Based",
    }


def _unused(line: CommittedCharge, account: Account, scope: ScopeFacts) -> Row:
    unit = UNITS.get(line.unit, account.currency)
    return {
        **_of_commitment(line, account, scope, line.period_start, line.period_end),
        **_costs(Decimal(0), line.amount),
        **_quantity(line, line.quantity, unit, line.amount),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"Unused part of {line.commitment}",
        "ChargeFrequency": "Recurring",
        "CommitmentDiscountQuantity": number_text(line.quantity),
        "CommitmentDiscountStatus": "Unused",
        "CommitmentDiscountUnit": unit,
        "PricingCategory": "Committed",
    }


def _of_commitment(line: CommittedCharge, account: Account, scope: ScopeFacts, start: datetime, end: datetime) -> Row:
    party = provider_name(line.provider)
    return {
        **_row(account, scope, party, start, end),
        "CommitmentDiscountCategory": "Spend" if line.unit == "money" else "Usage",
        "CommitmentDiscountId": line.commitment,
        "CommitmentDiscountName": line.commitment,
        "CommitmentDiscountType": line.kind.replace("_", " ").title(),
        "ResourceId": line.commitment,
        "ResourceName": line.commitment,
        "ResourceType": "Commitment",
        "ServiceName": f"{party} API",
        "x_ModelId": line.model or None,
        "x_PriceSource": "commitment",
        "x_Provider": line.provider,
        "x_Records": f"/api/v1/commitments?period={start:%Y-%m}",
    }


def _quantity(line: CommittedCharge, quantity: Decimal, unit: str, amount: Decimal) -> Row:
    sku = f"{line.provider}/{line.commitment}"
    price = unit_price(number_text(amount), number_text(quantity))
    return {
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyListUnitPrice": price,
        "PricingQuantity": number_text(quantity),
        "PricingUnit": unit,
        "SkuId": sku,
        "SkuMeter": unit,
        "SkuPriceId": sku,
    }


def _row(account: Account, scope: ScopeFacts, party: str, start: datetime, end: datetime) -> Row:
    month, following = first_of_month(start), month_after(start)
    return {
        **account_cells(account, scope),
        "BillingPeriodStart": time_text(midnight(month)),
        "BillingPeriodEnd": time_text(midnight(following)),
        "ChargePeriodStart": time_text(start),
        "ChargePeriodEnd": time_text(end),
        "HostProviderName": party,
        "InvoiceIssuerName": party,
        "ProviderName": party,
        "PublisherName": party,
        "ServiceProviderName": party,
        "ServiceCategory": AI,
        "ServiceSubcategory": GENERATIVE,
    }


def _costs(billed: Decimal, effective: Decimal) -> Row:
    return {
        "BilledCost": number_text(billed),
        "ContractedCost": number_text(effective),
        "EffectiveCost": number_text(effective),
        "ListCost": number_text(effective),
        "PricingCurrencyEffectiveCost": number_text(effective),
    }

"""Reads a row of a FOCUS file as a charge, or tells why it is not one. Lenient where the meaning is certain."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from json import dumps

from allocation.focus.engine.cells import Cells
from allocation.focus.engine.columns import BY_NAME, Kind, known_name
from allocation.focus.engine.formats import lenient_time
from allocation.focus.engine.tags import tags_of
from allocation.focus.engine.values import ALLOWED
from governance.calendar.engine import DAY, first_of_month, midnight, month_after

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
PERIODS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
# Costs are stored with 38 digits, 15 of them decimals; the stored cell keeps every digit.
COST_MAX = Decimal(10) ** 23
CURRENCY = re.compile(r"[A-Za-z]{3}")
REQUIRED = (
    (("ChargePeriodStart", "BillingPeriodStart"), "A charge needs ChargePeriodStart."),
    (("BilledCost", "EffectiveCost"), "A charge needs BilledCost, or at least EffectiveCost."),
)
# What is assumed where a file says nothing.
ASSUMED = (
    ("ChargePeriodStart", "ChargePeriodStart taken from BillingPeriodStart"),
    ("ChargePeriodEnd", "ChargePeriodEnd taken as a day after its start"),
    ("BillingPeriodStart", "BillingPeriodStart taken as the month's"),
    ("BillingPeriodEnd", "BillingPeriodEnd taken as the month's"),
    ("BilledCost", "BilledCost taken as 0"),
    ("EffectiveCost", "EffectiveCost taken from BilledCost"),
    ("BillingCurrency", "BillingCurrency taken from the organisation"),
    ("ChargeCategory", "ChargeCategory taken as Usage"),
)


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row is not a charge: code, field, and a sentence that says how to correct it and repeats no value."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Charge:
    """A row read as a charge. `cells` are by FOCUS's names, null where the file has a null or a word for it. `notes`
    tell what was assumed. Costs are in `currency`.
    """

    cells: Cells
    category: str
    billing_start: datetime
    billing_end: datetime
    start: datetime
    end: datetime
    currency: str
    billed: Decimal
    effective: Decimal
    listed: Decimal | None
    contracted: Decimal | None
    tags: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def is_correction(self) -> bool:
        """Whether it corrects an earlier charge."""
        return self.cells.is_correction


NUL = "\0"
# Who the bill is of, where a file names no account.
ISSUERS = ("BillingAccountId", "InvoiceIssuerName", "ServiceProviderName", "ProviderName", "PublisherName")


def is_storable(cell: str) -> bool:
    """Whether PostgreSQL can hold the text."""
    return NUL not in cell and cell.encode("utf-8", "replace").decode() == cell


def account_of(row: Cells) -> str:
    """The billing account whose statement the row belongs to, or who issued the bill; empty where the row says neither.
    At most 500 characters.
    """
    return next((text for name in ISSUERS if (text := row.text(name))), "")[:500]


class Reader:
    """Reads the rows of one file. `columns` are its headers in order; `currency` is assumed where a row states none."""

    def __init__(self, columns: Sequence[str], *, currency: str) -> None:
        self.columns = tuple(columns)
        self.names = tuple(known_name(column) or column.strip() for column in columns)
        self.currency = currency
        self.numbers = tuple(name for name in self.names if name in BY_NAME and BY_NAME[name].kind is Kind.NUMBER)

    def read(self, cells: Sequence[str | None]) -> Charge | RowFault:
        """The row's charge, or the first fault that keeps it from being one."""
        if len(cells) > len(self.names):
            return RowFault("too_many_cells", "", "The row has more cells than the header; quote cells with commas.")
        row = Cells(dict(zip(self.names, cells, strict=False)))
        fault = next(self._faults(row), None)
        return fault if fault is not None else self._charge(row)

    def statement(self, cells: Sequence[str | None]) -> tuple[str, datetime] | None:
        """The account and the start of the billing period that the row belongs to; None where it does not say, or names
        what cannot be stored.
        """
        row = Cells(dict(zip(self.names, cells, strict=False)))
        account, start = account_of(row), _billing_start(row)
        return (account, start) if account and start and is_storable(account) else None

    def _faults(self, row: Cells) -> Iterator[RowFault]:
        for name in self.numbers:
            if row.text(name) is not None and row.number(name) is None:
                yield RowFault("not_a_number", name, f"{name} is not a plain number; write it like 1234.56.")
        for name in PERIODS:
            if (text := row.text(name)) is not None and lenient_time(text) is None:
                yield RowFault("not_a_time", name, f"{name} is not a date and time; write YYYY-MM-DDTHH:mm:ssZ.")
        for names, sentence in REQUIRED:
            if all(row.text(name) is None for name in names):
                yield RowFault("missing_field", names[0], sentence)
        for name in COSTS:
            if abs(row.number(name) or Decimal(0)) >= COST_MAX:
                yield RowFault("out_of_range", name, f"{name} has more digits than an amount of money has.")
        yield from self._unknown(row)

    def _unknown(self, row: Cells) -> Iterator[RowFault]:
        if row.category is not None and row.category not in ALLOWED["ChargeCategory"]:
            allowed = ", ".join(sorted(ALLOWED["ChargeCategory"]))
            yield RowFault("unknown_value", "ChargeCategory", f"ChargeCategory must be one of {allowed}.")
        if (currency := row.text("BillingCurrency")) is not None and not CURRENCY.fullmatch(currency.strip()):
            yield RowFault("unknown_value", "BillingCurrency", "BillingCurrency must be a code such as USD.")

    def _charge(self, row: Cells) -> Charge | RowFault:
        notes = [note for name, note in ASSUMED if row.text(name) is None]
        times = {name: lenient_time(text) if (text := row.text(name)) else None for name in PERIODS}
        start = times["ChargePeriodStart"] or times["BillingPeriodStart"]
        if start is None:
            raise AssertionError("unreachable: a row without both is a fault")
        end = times["ChargePeriodEnd"] or start + DAY
        first = times["BillingPeriodStart"] or midnight(first_of_month(start))
        last = times["BillingPeriodEnd"] or midnight(month_after(first))
        for period, early, late in (("Charge", start, end), ("Billing", first, last)):
            if late < early:
                sentence = f"{period}PeriodEnd lies before {period}PeriodStart."
                return RowFault("period_reversed", f"{period}PeriodEnd", sentence)
        billed, effective = row.number("BilledCost"), row.number("EffectiveCost")
        tags, fault = self._tags(row)
        return Charge(
            cells=row,
            category=row.category or "Usage",
            billing_start=first,
            billing_end=last,
            start=start,
            end=end,
            currency=(row.text("BillingCurrency") or self.currency).strip().upper(),
            billed=billed if billed is not None else Decimal(0),
            effective=effective if effective is not None else billed or Decimal(0),
            listed=row.number("ListCost"),
            contracted=row.number("ContractedCost"),
            tags=tags,
            notes=(*notes, *([fault] if fault else ())),
        )

    def _tags(self, row: Cells) -> tuple[dict[str, str], str | None]:
        text = row.text("Tags")
        tags, unread = ({}, "") if text is None else tags_of(text)
        which = "that one" if tags else "them"
        return tags, f"Tags {unread}; no attribution rule reads {which}" if unread else None

    def digest(self, cells: Sequence[str | None]) -> str:
        """Equal for equal cells under equal columns, whatever the order of the columns."""
        sorted_cells = sorted(zip(self.columns, cells, strict=False))
        surplus_cells = list(cells[len(self.columns) :])
        return sha256(
            dumps([sorted_cells, surplus_cells], ensure_ascii=False).encode("utf-8", "surrogatepass")
        ).hexdigest()


def _billing_start(row: Cells) -> datetime | None:
    """As stated, else the first of the month in which the charge was made."""
    stated, charged = (
        lenient_time(text) if (text := row.text(name)) else None for name in ("BillingPeriodStart", "ChargePeriodStart")
    )
    return stated or (midnight(first_of_month(charged)) if charged else None)

"""Imported rows in an exported file: each row's own cells, in the columns of the exported version.

A cell that FOCUS allows is kept as it is. A cell that means the same but is written differently (`5/1/25`,
`$10,000.00`, the word NULL) is written as FOCUS requires, and missing values are filled in with those read from the
whole row. Of a file from before FOCUS 1.3 the seller stands for the host.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from allocation.focus.engine.columns import BY_NAME, CUSTOM, Kind, Version, columns_of, known_name
from allocation.focus.engine.formats import (
    is_null,
    lenient_number,
    lenient_time,
    number_text,
    strict_number,
    strict_time,
    time_text,
)
from allocation.focus.engine.layout import STAND_INS
from governance.calendar.engine import first_of_month, midnight, month_after

# The seller's name before 1.3 and since. The host's and the publisher's names are other facts and keep their columns.
RENAMED: Mapping[str, str] = {"ProviderName": "ServiceProviderName", "ServiceProviderName": "ProviderName"}

HOST = "HostProviderName"


@lru_cache(maxsize=256)
def target_columns(version: Version, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The column that each column of an imported file gets in a file of this version: its own, the renamed one, or one
    with x_. No two get the same.
    """
    version_columns = columns_of(version)
    names = [known_name(column) or column.strip() for column in columns]
    targets: list[str] = []
    for name in names:
        renamed = RENAMED.get(name, "")
        if name in version_columns or name.startswith(CUSTOM):
            if not name.startswith(CUSTOM) or name.removeprefix(CUSTOM) not in STAND_INS:
                target = name
            else:
                standard_name = name.removeprefix(CUSTOM)
                target = standard_name if standard_name in version_columns and standard_name not in names else name
        elif renamed in version_columns and renamed not in names:
            target = renamed
        else:
            target = custom_name(name)
        while target in targets:
            target = f"{custom_name(target)}Again"
        targets.append(target)
    return tuple(targets)


def custom_name(name: str) -> str:
    """The name as a custom column: x_ and PascalCase."""
    if name.startswith(CUSTOM):
        return name
    letters = "".join(part[:1].upper() + part[1:] for part in _words(name))
    return f"{CUSTOM}{letters or 'Unnamed'}"


def _words(name: str) -> list[str]:
    return "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name).split()


def custom_columns(version: Version, files: Iterable[Sequence[str]]) -> set[str]:
    """The custom columns that a file of this version needs for rows of these imported files."""
    return {
        target for columns in files for target in target_columns(version, tuple(columns)) if target.startswith(CUSTOM)
    }


def imported_row(
    version: Version, columns: tuple[str, ...], cells: Sequence[str | None], read_values: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The row by the version's columns. `read_values` are FOCUS's values as read from the whole row; they fill empty
    cells.
    """
    row: dict[str, str | None] = {}
    for target, cell in zip(target_columns(version, columns), cells, strict=False):
        row[target] = as_focus(target, cell)
    for name, text in read_values.items():
        if row.get(name) is None:
            row[name] = text
    if HOST in columns_of(version) and HOST not in row:
        # Files from before 1.3 have no column for it, and since then every row must name one.
        row[HOST] = row.get("ServiceProviderName")
    return row


def as_focus(column: str, cell: str | None) -> str | None:
    """The cell as FOCUS writes it where its meaning is certain, else unchanged."""
    standard_column = BY_NAME.get(column)
    if standard_column is None or cell is None:
        return cell
    if is_null(cell):
        return None
    match standard_column.kind:
        case Kind.NUMBER:
            number = None if strict_number(cell) is not None else lenient_number(cell)
            return cell if number is None else number_text(number)
        case Kind.TIME:
            at = None if strict_time(cell) is not None else lenient_time(cell)
            return cell if at is None else time_text(at)
        case Kind.TEXT | Kind.KEY_VALUE | Kind.JSON:
            return cell


Row = dict[str, str | None]
Correct = Callable[[Row, datetime], Row]
NEGATED = (
    "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost", "ConsumedQuantity",
    "PricingQuantity", "CommitmentDiscountQuantity",
)  # fmt: skip


def late_row(row: Row, counts_at: datetime) -> Row:
    """The row as a correction in the billing period of `counts_at`, since its own was closed when it came."""
    start = midnight(first_of_month(counts_at))
    return {
        **row,
        "BillingPeriodStart": time_text(start),
        "BillingPeriodEnd": time_text(midnight(month_after(start))),
        "ChargeClass": "Correction",
    }


def reversed_row(row: Row, counts_at: datetime) -> Row:
    """What takes the row back in the billing period of `counts_at`, since its own was closed by then."""
    return {**late_row(row, counts_at), **{name: _opposite(row.get(name)) for name in NEGATED if name in row}}


def _opposite(cell: str | None) -> str | None:
    number = None if cell is None else strict_number(cell)
    return cell if number is None else number_text(-number)

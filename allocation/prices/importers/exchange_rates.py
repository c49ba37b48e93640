"""Reads exchange rates from CSV: the ECB's format with a column per currency, or one rate per line."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from pydantic import ValidationError

from allocation.prices.documents import RateSpec
from allocation.prices.importers.price_lists import UnusableRow, sentence
from governance.errors import Invalid

LONG = frozenset({"date", "from", "to", "rate"})
CODE_LENGTH = 3
EMPTY = frozenset({"", "N/A"})


@dataclass(slots=True)
class RateList:
    """`cells` counts the rates in the file; each of them is in `rates` or in `unusable`."""

    cells: int = 0
    rates: list[RateSpec] = field(default_factory=list)
    unusable: list[UnusableRow] = field(default_factory=list)


def read_rates(
    text: str, *, base: str, currencies: frozenset[str] = frozenset(), since: date | None = None
) -> RateList:
    """Reads the columns date, from, to and rate; or Date and one column per currency, with the value of one `base` in
    it. `currencies` keeps only these against `base`, `since` only this day and later. Raises Invalid
    (`file_unreadable`, `csv_column`).
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    rate_list = RateList()
    try:
        header = [name.strip() for name in next(lines, [])]
        cells_read = _long(header, lines) if set(header) == LONG else _wide(header, lines, base)
        for position, source, target, day, cell in cells_read:
            if currencies and not {source, target} - {base} <= currencies:
                continue
            _add_rate(rate_list, position, (source, target, day, cell), since)
    except csv.Error as problem:
        raise Invalid(f"The file is not CSV: {problem}.", code="file_unreadable") from problem
    return rate_list


# (position in the file, from, to, day, rate)
Cell = tuple[str, str, str, str, str]


def _long(header: list[str], lines: Iterator[list[str]]) -> Iterator[Cell]:
    for number, cells in enumerate(lines, 2):
        if any(cell.strip() for cell in cells):
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield f"line {number}", row.get("from", ""), row.get("to", ""), row.get("date", ""), row.get("rate", "")


def _wide(header: list[str], lines: Iterator[list[str]], base: str) -> Iterator[Cell]:
    if not header or header[0].lower() != "date":
        raise Invalid("The first column must be Date, or the columns date, from, to and rate.", code="csv_column")
    for unknown in (name for name in header[1:] if name and not (len(name) == CODE_LENGTH and name.isupper())):
        raise Invalid(f"Column {unknown!r} is not a currency code.", code="csv_column")
    for number, cells in enumerate(lines, 2):
        for currency, cell in zip(header[1:], cells[1:], strict=False):
            if currency and cell.strip() not in EMPTY:
                yield f"line {number} {currency}", base, currency, cells[0].strip(), cell.strip()


def _add_rate(rate_list: RateList, position: str, cell: tuple[str, str, str, str], since: date | None) -> None:
    source, target, day, rate = cell
    rate_list.cells += 1
    try:
        spec = RateSpec.model_validate({"from": source, "to": target, "effective_from": _day(day), "rate": rate})
    except ValidationError as problem:
        rate_list.unusable.append(UnusableRow(position, sentence(problem)))
        return
    if since is None or spec.effective_from >= since:
        rate_list.rates.append(spec)
    else:
        rate_list.cells -= 1


def _day(text: str) -> str:
    """The ECB's daily file writes `24 November 2026`, its history `2026-11-24`."""
    try:
        return datetime.strptime(text, "%d %B %Y").date().isoformat()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return text

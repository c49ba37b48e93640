"""Reads other parties' price lists into entries of a price book; what cannot be used is listed with its reason."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from allocation.prices.documents import PriceSpec
from governance.errors import Invalid

COLUMNS = frozenset(PriceSpec.model_fields)
REQUIRED = frozenset({"provider", "model"})


@dataclass(frozen=True, slots=True)
class UnusableRow:
    """A row of the list that gives no price, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnmappedPrice:
    """A price of a usable row that is for none of the meters, and why."""

    name: str
    field: str
    reason: str


@dataclass(slots=True)
class ImportedPriceList:
    """`rows` counts the rows of the list; each of them gives entries or is in `unusable`."""

    rows: int = 0
    entries: list[PriceSpec] = field(default_factory=list)
    unusable: list[UnusableRow] = field(default_factory=list)
    left_out: list[UnmappedPrice] = field(default_factory=list)

    def add_row(self, name: str, entries: Iterable[dict[str, Any]]) -> bool:
        """Adds all the entries of one row or, when one of them is invalid, none. Whether they were added."""
        try:
            specs = [PriceSpec.model_validate(entry) for entry in entries]
        except ValidationError as problem:
            self.unusable.append(UnusableRow(name, sentence(problem)))
            return False
        self.entries.extend(specs)
        return True


def sentence(problem: ValidationError) -> str:
    """The first validation error as `field: message`."""
    error = problem.errors(include_url=False)[0]
    location = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{location}: {message}" if location else message


def read_csv(text: str, *, effective_from: datetime, providers: Mapping[str, str] | None = None) -> ImportedPriceList:
    """Reads one entry per line; the columns are the fields of an entry of a price book. An empty cell states nothing.
    `providers` maps provider names to the names to use and keeps only these; without it all are kept. Raises Invalid
    (`file_unreadable`, `csv_column`).
    """
    price_list = ImportedPriceList()
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [name.strip() for name in next(lines, [])]
        _check(header)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                _add_line(price_list, f"line {lines.line_num}", header, cells, effective_from, providers or {})
    except csv.Error as problem:
        raise Invalid(f"The file is not CSV: {problem}.", code="file_unreadable") from problem
    _refuse_repeats(price_list)
    return price_list


def _check(header: list[str]) -> None:
    if unknown := sorted(set(header) - COLUMNS):
        raise Invalid(
            f"Column {unknown[0]!r} is not known; write {', '.join(PriceSpec.model_fields)}.", code="csv_column"
        )
    if missing := sorted(REQUIRED - set(header)):
        raise Invalid(f"Column {missing[0]!r} is missing.", code="csv_column")
    if len(set(header)) < len(header):
        raise Invalid("A column is named twice.", code="csv_column")


def _add_line(
    price_list: ImportedPriceList,
    name: str,
    header: list[str],
    cells: list[str],
    effective_from: datetime,
    providers: Mapping[str, str],
) -> None:
    if len(cells) != len(header):
        price_list.rows += 1
        price_list.unusable.append(UnusableRow(name, f"has {len(cells)} cells, the header {len(header)}"))
        return
    entry: dict[str, Any] = {
        column: cell.strip() for column, cell in zip(header, cells, strict=True) if cell.strip()
    }  # fmt: skip
    provider = entry.get("provider", "")
    if providers and provider not in providers:
        return
    entry["provider"] = providers.get(provider) or provider
    price_list.rows += 1
    price_list.add_row(name, [{"effective_from": effective_from, **entry}])


def _refuse_repeats(price_list: ImportedPriceList) -> None:
    """Nothing tells which of two lines for the same price is right: the first is taken."""
    seen: set[tuple[object, ...]] = set()
    kept: list[PriceSpec] = []
    for entry in price_list.entries:
        key = (*entry.identity, entry.above_input_tokens)
        if key in seen:
            price_list.unusable.append(
                UnusableRow(f"{entry.provider}/{entry.model}", "is stated twice; the first is taken")
            )
        else:
            kept.append(entry)
        seen.add(key)
    bases = {entry.identity for entry in kept if not entry.above_input_tokens}
    for entry in kept:
        if entry.identity not in bases:
            reason = f"is a context tier above {entry.above_input_tokens} without its base (above_input_tokens 0)"
            price_list.unusable.append(UnusableRow(f"{entry.provider}/{entry.model}", reason))
    price_list.entries = [entry for entry in kept if entry.identity in bases]

"""Price lists of others, read into entries of a price book; what cannot be used is named with its reason."""

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
class Unusable:
    """A row of the list that gives no price."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A price of a usable row that no meter stands for."""

    name: str
    field: str
    reason: str


@dataclass(slots=True)
class PriceList:
    """`rows` counts what the list holds; each is the source of entries or is in `unusable`."""

    rows: int = 0
    entries: list[PriceSpec] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def take(self, name: str, entries: Iterable[dict[str, Any]]) -> bool:
        """All the entries of one row, or none of them."""
        try:
            made = [PriceSpec.model_validate(entry) for entry in entries]
        except ValidationError as problem:
            self.unusable.append(Unusable(name, sentence(problem)))
            return False
        self.entries.extend(made)
        return True


def sentence(problem: ValidationError) -> str:
    error = problem.errors(include_url=False)[0]
    place = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def read_csv(text: str, *, effective_from: datetime, providers: Mapping[str, str] | None = None) -> PriceList:
    """One line per entry; the columns are the fields of an entry of a price book. An empty cell states nothing.
    `providers` maps those that are wanted, all without it, to the names they get.
    """
    found = PriceList()
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [name.strip() for name in next(lines, [])]
        _check(header)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                _take(found, f"line {lines.line_num}", header, cells, effective_from, providers or {})
    except csv.Error as problem:
        raise Invalid(f"The file is no CSV: {problem}.", code="file_unreadable") from problem
    _refuse_repeats(found)
    return found


def _check(header: list[str]) -> None:
    if unknown := sorted(set(header) - COLUMNS):
        raise Invalid(
            f"Column {unknown[0]!r} is not known; write {', '.join(PriceSpec.model_fields)}.", code="csv_column"
        )
    if missing := sorted(REQUIRED - set(header)):
        raise Invalid(f"Column {missing[0]!r} is missing.", code="csv_column")
    if len(set(header)) < len(header):
        raise Invalid("A column stands twice.", code="csv_column")


def _take(
    found: PriceList,
    name: str,
    header: list[str],
    cells: list[str],
    effective_from: datetime,
    providers: Mapping[str, str],
) -> None:
    if len(cells) != len(header):
        found.rows += 1
        found.unusable.append(Unusable(name, f"has {len(cells)} cells, the header {len(header)}"))
        return
    entry: dict[str, Any] = {
        column: cell.strip() for column, cell in zip(header, cells, strict=True) if cell.strip()
    }  # fmt: skip
    provider = entry.get("provider", "")
    if providers and provider not in providers:
        return
    entry["provider"] = providers.get(provider) or provider
    found.rows += 1
    found.take(name, [{"effective_from": effective_from, **entry}])


def _refuse_repeats(found: PriceList) -> None:
    """Of two lines for the same, neither can be told to be the right one: the first is taken."""
    seen: set[tuple[object, ...]] = set()
    kept: list[PriceSpec] = []
    for entry in found.entries:
        key = (*entry.identity, entry.above_input_tokens)
        if key in seen:
            found.unusable.append(Unusable(f"{entry.provider}/{entry.model}", "is stated twice; the first is taken"))
        else:
            kept.append(entry)
        seen.add(key)
    bases = {entry.identity for entry in kept if not entry.above_input_tokens}
    for entry in kept:
        if entry.identity not in bases:
            reason = f"is a context tier above {entry.above_input_tokens} without its base (above_input_tokens 0)"
            found.unusable.append(Unusable(f"{entry.provider}/{entry.model}", reason))
    found.entries = [entry for entry in kept if entry.identity in bases]

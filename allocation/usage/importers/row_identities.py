"""What tells the rows of a file apart, so that a repeated file counts once and no row is taken for another."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b, sha256
from typing import Any

from allocation.meters.documents import Fault
from allocation.usage.documents import AllBut, Column, Columns, UsageMapping, is_quantity, parts_of
from allocation.usage.importers.cells import (
    PivotedRecord,
    Record,
    at_path,
    every_cell,
    text_of,
    translated,
    trimmed,
)
from governance.documents.engine.globs import glob_matches

DIGEST_LENGTH = 32
# What an answer says of its own pages changes with every question.
PAGING = frozenset({"has_more", "next_page", "next_page_token", "first_id", "last_id"})
# Identities of one file that are remembered, at about 200 bytes each.
REMEMBERED_MAX = 1_000_000
REUSED = (
    "Another row of this file has the same identity, and other content. Name in fields.id what tells them apart, or"
    " with all_but leave out only what does not."
)
Identify = Callable[[Record, int], object]


def joined(spec: Columns) -> Identify:
    """The columns' texts, joined, or a digest of them; None where all are empty."""

    def read(row: Record, _line: int) -> object:
        cells = [cell for column in spec.columns if (cell := _text(row, column)) is not None]
        if not any(cells):
            # All rows without an identity would be one record.
            return None
        text = spec.join.join(cells)
        if spec.values:
            text = str(translated(text, spec.values, otherwise=text))
        return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH] if spec.digest else text

    return read


def _text(row: Record, column: str | Column) -> str | None:
    """The column's text, empty as it may be; of one that is more than a name None where it is empty."""
    if isinstance(column, str):
        return text_of(row, column)
    value = trimmed(at_path(row, column.column), column)
    value = column.default if value is None else value
    return None if value is None else str(value)


def digest_of_row() -> Identify:
    """A digest of every cell that holds something."""
    number = _numbered()
    return lambda row, _line: number(_digest(row.items()))


def digest_of_dimensions(spec: AllBut, mapping: UsageMapping) -> Identify:
    """A digest of every column that says what a row's quantities are of."""
    left_out = (*spec.all_but, *quantity_columns(mapping), *_pivoted_away(mapping))
    number = _numbered()
    is_left_out: dict[str, bool] = {}

    def is_dimension(name: str) -> bool:
        if name not in is_left_out:
            above = [name[:end] for end in _ends(name)]
            is_left_out[name] = (bool(mapping.each) and name in PAGING) or any(
                glob_matches(glob, part) for glob in left_out for part in above
            )
        return not is_left_out[name]

    def read(row: Record, _line: int) -> object:
        cells = [(name, _plain(value)) for name, value in every_cell(row) if is_dimension(name)]
        if isinstance(row, PivotedRecord):
            cells += [("", text) for text in row.told_apart_by]
        return number(_digest(cells))

    return read


def quantity_columns(mapping: UsageMapping) -> frozenset[str]:
    """The columns that the mapping reads as quantities or amounts. What it translates from a text is none."""
    parts = [part for field, spec in mapping.fields.items() if is_quantity(field) for part in parts_of(spec)]
    return frozenset(
        part if isinstance(part, str) else part.column
        for part in parts
        if isinstance(part, str) or (isinstance(part, Column) and not part.values)
    )


def _pivoted_away(mapping: UsageMapping) -> Iterator[str]:
    pivot = mapping.pivot
    if pivot is not None:
        yield pivot.names if isinstance(pivot.names, str) else pivot.names.column
        yield from pivot.all_but
        for column in pivot.sums:
            yield from (column, f"*.{column}")


def _ends(name: str) -> Iterator[int]:
    """Of a nested name, those of the records it lies in too."""
    yield from (position for position, letter in enumerate(name) if letter == ".")
    yield len(name)


def _plain(value: object) -> object:
    """The same in CSV, JSON and Parquet."""
    if isinstance(value, bool) or (isinstance(value, str) and value in {"True", "False"}):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _digest(cells: Iterable[tuple[object, object]]) -> str:
    # Exporters do not keep the order of columns, and write what is empty as they like.
    stated = sorted((str(name), value) for name, value in cells if value not in (None, ""))
    return sha256(json.dumps(stated, default=str).encode()).hexdigest()[:DIGEST_LENGTH]


def _numbered() -> Callable[[str], str]:
    """Tells equal rows of one file apart by their order."""
    seen: Counter[str] = Counter()

    def number(digest: str) -> str:
        seen[digest] += 1
        return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"

    return number


class IdentitiesOfFile:
    """The identities of one file's records, with a digest of the row each was first used for. The latest million are
    remembered.
    """

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def reused(self, event: dict[str, Any], row: Record) -> Fault | None:
        """A Fault (`identity_reused`) where an earlier row had the identity and other content. The event then gets an
        id of its own, by which it can still be counted from quarantine.
        """
        identity = _short(f"{event.get('id')}\0{event.get('occurred_at')}")
        content = _short(json.dumps(row, sort_keys=True, default=str))
        first = self._rows.setdefault(identity, content)
        if first == content:
            if len(self._rows) > REMEMBERED_MAX:
                del self._rows[next(iter(self._rows))]
            return None
        event["id"] = sha256(f"{event.get('id')}\0{content.hex()}".encode()).hexdigest()[:DIGEST_LENGTH]
        return Fault("identity_reused", REUSED, "id")


def _short(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()

"""Long tables, with one quantity a row, as records with all quantities."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from allocation.meters.documents import EXACT
from allocation.usage.documents import Column, Pivot, UsageMapping, parts_of
from allocation.usage.importers.cells import (
    PivotedRecord,
    Record,
    Unreadable,
    at_path,
    every_cell,
    is_zero,
    number,
    trimmed,
)
from allocation.usage.importers.mapped import row_filter
from governance.documents.engine.globs import glob_matches
from governance.errors import Invalid

# Fields that a row may read out of the column that names its quantity, as in "gpt-4o, input".
TOLD_APART_BY = ("provider", "model", "service_tier", "operation")
RECORDS_MAX = 1_000_000
# What tells records apart: their columns, and what is read out of the names of their quantities.
Key = tuple[tuple[str, ...], tuple[str, ...]]


def pivoted(rows: Iterator[object], pivot: Pivot, mapping: UsageMapping) -> Iterator[object]:
    """The records, in the order of their first rows, after the rows that the mapping passes over and those that are no
    records. Raises Invalid (`file_too_large`).
    """
    is_wanted, key_of, add = row_filter(mapping), _key(pivot, mapping), _adder(pivot, mapping)
    records: dict[Key, PivotedRecord] = {}
    for row in rows:
        if not isinstance(row, dict) or not is_wanted(row):
            yield row
            continue
        key = key_of(row)
        if key not in records:
            if len(records) == RECORDS_MAX:
                raise Invalid(
                    f"The pivot makes more than {RECORDS_MAX:,} records of the file; split it.", code="file_too_large"
                )
            records[key] = PivotedRecord({name: value for name, value in row.items() if name not in pivot.sums})
            records[key].told_apart_by = key[1]
        add(records[key], row)
    yield from records.values()


def _key(pivot: Pivot, mapping: UsageMapping) -> Callable[[Record], Key]:
    names = _names(pivot)
    left_out = (names.column, *pivot.sums, *pivot.all_but)
    derived = [
        part
        for field in TOLD_APART_BY
        if (spec := mapping.fields.get(field)) is not None
        for part in parts_of(spec)
        if isinstance(part, Column) and part.column == names.column
    ]

    def key(row: Record) -> Key:
        if pivot.by:
            told_apart = tuple(str(at_path(row, column)) for column in pivot.by)
        else:
            told_apart = tuple(
                f"{name}\0{value}"
                for name, value in every_cell(row)
                if value not in (None, "") and not any(glob_matches(glob, name) for glob in left_out)
            )
        return told_apart, tuple(str(trimmed(at_path(row, spec.column), spec)) for spec in derived)

    return key


def _names(pivot: Pivot) -> Column:
    return Column(column=pivot.names) if isinstance(pivot.names, str) else pivot.names


def _adder(pivot: Pivot, mapping: UsageMapping) -> Callable[[PivotedRecord, Record], None]:
    names = _names(pivot)
    numbers = Column(column=names.column)
    read = {
        part.column if isinstance(part, Column) else part
        for spec in mapping.fields.values()
        for part in parts_of(spec)
        if isinstance(part, Column | str)
    }
    # A column whose total is read by itself needs no name of it.
    by_name = [column for column in pivot.sums if any(each.endswith(f".{column}") for each in read)]

    def add(record: PivotedRecord, row: Record) -> None:
        name = trimmed(at_path(row, names.column), names)
        for column in pivot.sums:
            value = at_path(row, column)
            if value in (None, ""):
                continue
            parts = (column,) if name is None else (column, f"{name}.{column}")
            for part in parts:
                record[part] = _plus(record.get(part), value, numbers, mapping)
            is_read = f"{name}.{column}" in read or name in pivot.ignore or is_zero(str(value))
            if column in by_name and not is_read:
                record.unread |= {str(name)}

    return add


def _plus(total: object, value: object, spec: Column, mapping: UsageMapping) -> object:
    """What cannot be read stays as it is, for the field that reads it to refuse."""
    if isinstance(total, str):
        return total
    try:
        read = number(value, spec, mapping)
    except Unreadable:
        return str(value)
    return read if not isinstance(total, Decimal) else EXACT.add(total, read)

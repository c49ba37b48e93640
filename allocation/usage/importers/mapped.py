"""Rows of CSV, JSON or Parquet as native usage events, by a mapping file."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

from allocation.meters.documents import Fault
from allocation.usage.documents import (
    AllBut,
    Choose,
    Column,
    Columns,
    Constant,
    Difference,
    FieldSpec,
    First,
    Greatest,
    Least,
    Line,
    PrefixBlocks,
    Product,
    Row,
    Total,
    UsageMapping,
    is_quantity,
)
from allocation.usage.importers.arithmetic import calculated
from allocation.usage.importers.cells import Record, Unreadable, at_path, instant, number, one_of, text_of, trimmed
from allocation.usage.importers.row_identities import digest_of_dimensions, digest_of_row, joined

WHOLE = frozenset({"tokens", "requests"})
Reader = Callable[[Record, int], object]


def translator(
    mapping: UsageMapping, *, source: str | None = None
) -> Callable[[Record, int], tuple[dict[str, Any], Fault | None]]:
    """A function from (row, line number from 1) to a native event, and to the first fault of a cell that cannot be
    read; the event then holds what was there. It must be called in the order of lines: where the mapping needs it, it
    remembers earlier ones.
    """
    stated = {"source": source or mapping.source} | ({"identity": "id"} if mapping.identity == "id" else {})
    readers = [(field, field.partition("."), _reader(field, spec, mapping)) for field, spec in mapping.fields.items()]

    def translate(row: Record, line: int) -> tuple[dict[str, Any], Fault | None]:
        event: dict[str, Any] = dict(stated)
        fault: Fault | None = None
        for field, (head, _, tail), read in readers:
            try:
                value = read(row, line)
            except Unreadable as problem:
                value = problem.cell
                if field != "latency_ms":  # no price depends on it: mended, or left out
                    fault = fault or Fault(problem.fault, f"{field} {problem.why}", field)
            if value is None:
                continue
            if tail:
                event.setdefault(head, {})[tail] = value
            else:
                event[head] = value
        _fit_cached(event)
        cost = event.get("cost")
        if isinstance(cost, dict) and "amount" not in cost:
            # A currency alone states no cost.
            del event["cost"]
        return event, fault

    return translate


def row_filter(mapping: UsageMapping) -> Callable[[Record], bool]:
    """A function that tells whether the mapping applies to a row."""
    wanted = [(column, one_of(values)) for column, values in mapping.only_when.items()]
    unwanted = [(column, one_of(values)) for column, values in mapping.skip_when.items()]

    def is_wanted(row: Record) -> bool:
        return all(holds(text_of(row, column)) for column, holds in wanted) and not any(
            holds(text_of(row, column)) for column, holds in unwanted
        )

    return is_wanted


def records_of(page: object, each: tuple[str, ...]) -> Iterator[object]:
    """The items of the lists that `each` names, with the fields of what they lie in. A page without such a list is
    itself a record, for the event's schema to refuse.
    """
    items = page.get(each[0]) if each and isinstance(page, dict) else None
    if not isinstance(items, list) or not isinstance(page, dict):
        yield page
        return
    outer_fields = {name: value for name, value in page.items() if not isinstance(value, list)}
    for item in items:
        yield from records_of({**outer_fields, **item} if isinstance(item, dict) else item, each[1:])


def _fit_cached(event: dict[str, Any]) -> None:
    """The last block of a prompt is seldom full, so that whole blocks may exceed the input."""
    tokens = event.get("tokens", {})
    cached, whole = tokens.get("cached_input"), tokens.get("input")
    if isinstance(cached, _BlockTokens) and isinstance(whole, int):
        tokens["cached_input"] = min(int(cached), whole)


class _BlockTokens(int):
    """A token count of whole blocks."""


def _reader(field: str, spec: FieldSpec, mapping: UsageMapping) -> Reader:
    match spec:
        case First():
            return _first([_reader(field, alternative, mapping) for alternative in spec.first])
        case Total() | Product() | Difference() | Least() | Greatest():
            return _calculated(field, calculated(spec, mapping))
        case Column():
            return _column(field, spec, mapping)
        case Columns() | AllBut() | Row():
            return _identity(spec, mapping)
        case Constant() | Line() | Choose() | PrefixBlocks():
            return _made_up(spec)


def _identity(spec: Columns | AllBut | Row, mapping: UsageMapping) -> Reader:
    match spec:
        case Columns():
            return joined(spec)
        case AllBut():
            return digest_of_dimensions(spec, mapping)
        case Row():
            return digest_of_row()


def _made_up(spec: Constant | Line | Choose | PrefixBlocks) -> Reader:
    """What the row itself does not state."""
    match spec:
        case Constant():
            constant = str(spec.constant) if isinstance(spec.constant, Decimal) else spec.constant
            return lambda _row, _line: constant
        case Line():
            return lambda _row, line: str(line)
        case Choose():
            return _choice(spec)
        case PrefixBlocks():
            return _cached_blocks(spec)


def _first(readers: Sequence[Reader]) -> Reader:
    def read(row: Record, line: int) -> object:
        return next((value for reader in readers if (value := reader(row, line)) is not None), None)

    return read


def _calculated(field: str, work_out: Callable[[Record], Decimal | None]) -> Reader:
    def read(row: Record, _line: int) -> object:
        result = work_out(row)
        return None if result is None else _quantity(field, result)

    return read


def _choice(spec: Choose) -> Reader:
    options, column = spec.choose, spec.by_column
    if column is None:
        return lambda _row, line: options[(line - 1) % len(options)]
    return lambda row, _line: options[
        int.from_bytes(sha256(str(at_path(row, column)).encode()).digest()[:8], "big") % len(options)
    ]


def _cached_blocks(spec: PrefixBlocks) -> Reader:
    seen: set[object] = set()

    def read(row: Record, _line: int) -> object:
        blocks = at_path(row, spec.prefix_blocks)
        if not isinstance(blocks, list):
            return 0
        hits = next((position for position, block in enumerate(blocks) if block not in seen), len(blocks))
        seen.update(blocks)
        return _BlockTokens(hits * spec.block_tokens)

    return read


def _column(field: str, spec: Column, mapping: UsageMapping) -> Reader:
    convert = _converter(field)
    default = str(spec.default) if isinstance(spec.default, Decimal) else spec.default

    def read(row: Record, _line: int) -> object:
        cell = at_path(row, spec.column)
        value = trimmed(cell, spec)
        if value is None:
            return default
        try:
            return convert(value, spec, mapping)
        except Unreadable as problem:
            why = f"is read from the column {spec.column}, which {problem.why}"
            raise Unreadable(why, problem.fault, cell) from None

    return read


def _converter(field: str) -> Callable[[object, Column, UsageMapping], object]:
    if field == "occurred_at":
        return instant
    if is_quantity(field):
        return lambda value, spec, mapping: _number(field, value, spec, mapping)
    return lambda value, _spec, _mapping: value if isinstance(value, str) else str(value)


def _number(field: str, value: object, spec: Column, mapping: UsageMapping) -> object:
    if type(value) is int and spec.scale is None and field.partition(".")[0] in WHOLE:
        return value
    return _quantity(field, number(value, spec, mapping))


def _quantity(field: str, result: Decimal) -> object:
    """As the event holds it: a count as a whole number, everything else as exact text."""
    if field.partition(".")[0] not in WHOLE:
        return format(result, "f")
    if result != result.to_integral_value():
        raise Unreadable("comes to no whole number; say what it is counted in (scale: 1000 for thousands).")
    return int(result)

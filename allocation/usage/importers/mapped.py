"""Rows of CSV, JSON or Parquet as native usage events, by a mapping file."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from allocation.usage.documents import (
    Choose,
    Column,
    Columns,
    Constant,
    FieldSpec,
    First,
    Line,
    PrefixBlocks,
    Row,
    Total,
    UsageMapping,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = {"s": Decimal(10**6), "ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("0.001")}
WHOLE = frozenset({"tokens", "requests"})
# No real quantity has more digits; written out, 1e999999 would fill a megabyte.
DIGITS_MAX = 40
DIGEST_LENGTH = 32
NO_SCALE = Column(column="")
Record = Mapping[str, Any]
Reader = Callable[[Record, int], object]


def translator(mapping: UsageMapping, *, source: str | None = None) -> Callable[[Record, int], dict[str, Any]]:
    """A function from (row, line number from 1) to a native event. It must be called in the order of lines: where the
    mapping needs it, it remembers earlier ones.
    """
    stated = {"source": source or mapping.source} | ({"identity": "id"} if mapping.identity == "id" else {})
    readers = [(field.partition("."), _reader(field, spec)) for field, spec in mapping.fields.items()]

    def translate(row: Record, line: int) -> dict[str, Any]:
        event: dict[str, Any] = dict(stated)
        for (head, _, tail), read in readers:
            value = read(row, line)
            if value is None:
                continue
            if tail:
                event.setdefault(head, {})[tail] = value
            else:
                event[head] = value
        _fit_cached(event)
        return event

    return translate


def row_filter(mapping: UsageMapping) -> Callable[[Record], bool]:
    """A function that tells whether the mapping applies to a row."""

    def is_wanted(row: Record) -> bool:
        return all(_cell(row, column) in values for column, values in mapping.only_when.items()) and not any(
            _cell(row, column) in values for column, values in mapping.skip_when.items()
        )

    return is_wanted


def _cell(row: Record, column: str) -> str:
    """As text; null, an empty cell and an absent column are the same."""
    value = at_path(row, column)
    return "" if value is None else str(value)


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


def _reader(field: str, spec: FieldSpec) -> Reader:
    read: Reader
    match spec:
        case Constant():
            constant = str(spec.constant) if isinstance(spec.constant, Decimal) else spec.constant
            read = lambda _row, _line: constant  # noqa: E731  # one of several readers
        case Line():
            read = lambda _row, line: str(line)  # noqa: E731  # as above
        case Columns():
            read = _joined(spec)
        case First():
            read = _first([_column(field, column) for column in spec.first])
        case Total():
            read = _total(spec)
        case Row():
            read = _digest()
        case Choose():
            read = _choice(spec)
        case PrefixBlocks():
            read = _cached_blocks(spec)
        case Column():
            read = _column(field, spec)
    return read


def _joined(spec: Columns) -> Reader:
    def read(row: Record, _line: int) -> object:
        cells = [_cell(row, column) for column in spec.columns]
        if not any(cells):
            # All rows without an identity would be one record.
            return None
        text = spec.join.join(cells)
        return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH] if spec.digest else text

    return read


def _first(readers: Sequence[Reader]) -> Reader:
    def read(row: Record, line: int) -> object:
        return next((value for reader in readers if (value := reader(row, line)) is not None), None)

    return read


def _total(spec: Total) -> Reader:
    def read(row: Record, _line: int) -> object:
        parts = [_whole(value, NO_SCALE) for column in spec.sum if (value := at_path(row, column)) not in {None, ""}]
        not_whole = [part for part in parts if type(part) is not int]
        return not_whole[0] if not_whole else sum(part for part in parts if type(part) is int)

    return read


def _digest() -> Reader:
    seen: Counter[str] = Counter()

    def read(row: Record, _line: int) -> object:
        # Exporters do not keep the order of columns.
        text = json.dumps(sorted((str(name), value) for name, value in row.items()), default=str)
        digest = sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
        seen[digest] += 1
        return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"

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


def _column(field: str, spec: Column) -> Reader:
    convert: Callable[[object, Column], object] = _text
    if field == "occurred_at":
        convert = _instant
    elif field == "latency_ms":
        convert = _amount
    elif field.partition(".")[0] in WHOLE:
        convert = _whole
    elif field in {"cost", "cost.amount", "gpu_seconds"} or field.startswith("quantities."):
        convert = _amount
    default = str(spec.default) if isinstance(spec.default, Decimal) else spec.default

    def read(row: Record, _line: int) -> object:
        value = at_path(row, spec.column)
        if value is None or value == "":
            return default
        if spec.after:
            value = str(value).rpartition(spec.after)[2]
        if spec.values:
            value = spec.values.get(str(value), value)
            if value == "":
                return default
        return convert(value, spec)

    return read


def at_path(row: Record, path: str) -> object:
    """The column of this name, or the value at the path of names; None without either."""
    if path in row:
        return row[path]
    value: object = row
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(value: object, _spec: Column) -> object:
    return value if isinstance(value, str) else str(value)


def _whole(value: object, spec: Column) -> object:
    if type(value) is int and spec.scale is None:
        return value
    number = _number(value, spec.scale)
    # Not a whole number: left as it is, for the event's schema to refuse.
    return int(number) if number is not None and number == number.to_integral_value() else value


def _amount(value: object, spec: Column) -> object:
    number = _number(value, spec.scale)
    return value if number is None else format(number, "f")


def _number(value: object, scale: Decimal | None) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
        return None
    return number if scale is None else number * scale


def _instant(value: object, spec: Column) -> object:
    if spec.unit is None:
        return _with_zone(str(value)) if spec.assume_utc else str(value)
    number = _number(value, spec.scale)
    if number is None:
        return str(value)
    start = spec.relative_to or EPOCH
    try:
        return (start + timedelta(microseconds=int(number * MICROSECONDS[spec.unit]))).isoformat()
    except OverflowError:
        return str(value)


def _with_zone(text: str) -> str:
    """`2026-11-24`, `2026-11-24 10:00` and BigQuery's `2026-11-24 10:00:00 UTC` are in UTC."""
    try:
        at = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        return text
    return text if at.tzinfo else at.replace(tzinfo=UTC).isoformat()

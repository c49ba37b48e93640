"""Rows of a CSV or of JSON lines as native usage events, by a mapping file."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from allocation.documents.mapping import Choose, Column, Columns, Constant, FieldSpec, Line, PrefixBlocks, UsageMapping

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = {"s": Decimal(10**6), "ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("0.001")}
WHOLE = frozenset({"tokens", "requests", "latency_ms"})
# No quantity is as large or as small; written out, 1e999999 would fill a megabyte.
DIGITS_MAX = 40
Row = Mapping[str, Any]
Reader = Callable[[Row, int], object]


def translator(mapping: UsageMapping, *, source: str | None = None) -> Callable[[Row, int], dict[str, Any]]:
    """A function from (row, line number from 1) to a native event; it remembers what earlier lines held, where the
    mapping asks for it, so lines are to be given in order.
    """
    name = source or mapping.source
    readers = [(field.partition("."), _reader(field, spec)) for field, spec in mapping.fields.items()]

    def translate(row: Row, line: int) -> dict[str, Any]:
        event: dict[str, Any] = {"source": name}
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


def _fit_cached(event: dict[str, Any]) -> None:
    """The last block of a prompt is seldom full."""
    tokens = event.get("tokens", {})
    cached, whole = tokens.get("cached_input"), tokens.get("input")
    if isinstance(cached, _BlockTokens) and isinstance(whole, int):
        tokens["cached_input"] = min(int(cached), whole)


class _BlockTokens(int):
    """A count that came from whole blocks."""


def _reader(field: str, spec: FieldSpec) -> Reader:
    match spec:
        case Constant():
            constant = str(spec.constant) if isinstance(spec.constant, Decimal) else spec.constant
            return lambda _row, _line: constant
        case Line():
            return lambda _row, line: str(line)
        case Columns():
            return lambda row, _line: spec.join.join(str(at_path(row, column)) for column in spec.columns)
        case Choose():
            return _choice(spec)
        case PrefixBlocks():
            return _cached_blocks(spec)
        case Column():
            return _column(field, spec)


def _choice(spec: Choose) -> Reader:
    options, column = spec.choose, spec.by_column
    if column is None:
        return lambda _row, line: options[(line - 1) % len(options)]
    return lambda row, _line: options[
        int.from_bytes(sha256(str(at_path(row, column)).encode()).digest()[:8], "big") % len(options)
    ]


def _cached_blocks(spec: PrefixBlocks) -> Reader:
    seen: set[object] = set()

    def read(row: Row, _line: int) -> object:
        blocks = at_path(row, spec.prefix_blocks)
        if not isinstance(blocks, list):
            return 0
        hits = next((place for place, block in enumerate(blocks) if block not in seen), len(blocks))
        seen.update(blocks)
        return _BlockTokens(hits * spec.block_tokens)

    return read


def _column(field: str, spec: Column) -> Reader:
    convert: Callable[[object, Column], object] = _text
    if field == "occurred_at":
        convert = _instant
    elif field.partition(".")[0] in WHOLE:
        convert = _whole
    elif field in {"cost", "gpu_seconds"}:
        convert = _amount
    default = str(spec.default) if isinstance(spec.default, Decimal) else spec.default

    def read(row: Row, _line: int) -> object:
        value = at_path(row, spec.column)
        if value is None or value == "":
            return default
        if spec.values:
            value = spec.values.get(str(value), value)
        return convert(value, spec)

    return read


def at_path(row: Row, path: str) -> object:
    """A column of that very name, or the value down the path of names."""
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
    # What is no whole number is left as it is, for the event's schema to refuse.
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
        text = str(value)
        return f"{text}Z" if spec.assume_utc and not _has_zone(text) else text
    number = _number(value, spec.scale)
    if number is None:
        return str(value)
    start = spec.relative_to or EPOCH
    try:
        return (start + timedelta(microseconds=int(number * MICROSECONDS[spec.unit]))).isoformat()
    except OverflowError:
        return str(value)


def _has_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return True

"""The cells of a mapped row: found by their column, read as text, number or instant."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, Inexact, InvalidOperation
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from allocation.meters.documents import multiplied
from allocation.usage.documents import Column, UsageMapping
from governance.documents.engine.globs import glob_matches, is_glob

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = {"s": Decimal(10**6), "ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("0.001")}
# No real quantity has more digits; written out, 1e999999 would fill a megabyte.
DIGITS_MAX = 40
Record = Mapping[str, Any]


class Unreadable(Exception):
    """A cell that is not what its field takes. `why` goes on a sentence about its column and repeats nothing of it."""

    def __init__(self, why: str, fault: str = "invalid_value", cell: object = None) -> None:
        super().__init__(why)
        self.why, self.fault, self.cell = why, fault, cell


class PivotedRecord(dict[str, object]):
    """A record made of several rows. `told_apart_by` is what was read out of the names of their quantities, `unread`
    holds names that the mapping reads nowhere.
    """

    told_apart_by: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()


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


def every_at(row: object, path: str) -> object:
    """As `at_path`; of a list on the way, such as credits, a list with what each item holds."""
    if isinstance(row, list):
        return [every_at(item, path) for item in row]
    if not isinstance(row, dict):
        return None
    head, _, rest = path.partition(".")
    return row.get(path) if path in row or not rest else every_at(row.get(head), rest)


def has_column(row: Record, path: str) -> bool:
    """Whether the row has the column, empty or not."""
    if path in row:
        return True
    *above, last = path.split(".")
    value: object = row
    for name in above:
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, dict) and last in value


def text_of(row: Record, column: str) -> str:
    """As text; null, an empty cell and an absent column are the same."""
    value = at_path(row, column)
    return "" if value is None else str(value)


def every_cell(row: Record, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The row's cells by path, those of nested records too."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from every_cell(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def one_of(wanted: Collection[str]) -> Callable[[str], bool]:
    """Whether a cell's text is one of these: `*` stands for any text, 0 for a zero however it is written."""
    texts = frozenset(wanted)
    globs = [text for text in texts if is_glob(text)]

    def holds(text: str) -> bool:
        return (
            text in texts
            or any(glob_matches(glob, text) for glob in globs)
            or ("0" in texts and text[:1] in "0+-." and text != "" and is_zero(text))
        )

    return holds


def is_zero(text: str) -> bool:
    """Whether it is a zero, however it is written."""
    try:
        return Decimal(text) == 0
    except InvalidOperation:
        return False


def trimmed(value: object, spec: Column) -> object:
    """The part of the value that the mapping asks for, translated; None for an empty one."""
    if value is None or value == "":
        return None
    if spec.strip:
        value = str(value).strip(spec.strip)
    if spec.before:
        head, mark, _ = str(value).partition(spec.before)
        value = head if mark else ""
    elif spec.after_first:
        head, mark, tail = str(value).partition(spec.after_first)
        value = tail if mark else head
    elif spec.after:
        value = str(value).rpartition(spec.after)[2]
    if spec.values:
        value = translated(str(value), spec.values, otherwise="" if spec.only_listed else value)
    return None if value == "" else value


def translated(text: str, values: Mapping[str, str], *, otherwise: object) -> object:
    """What the text stands for: the value listed for it, else of the first pattern that it fits."""
    if text in values:
        return values[text]
    fitting = (value for glob, value in values.items() if is_glob(glob) and glob_matches(glob, text))
    return next(fitting, otherwise)


def number(value: object, spec: Column, mapping: UsageMapping) -> Decimal:
    """The number, multiplied by `scale`. Raises Unreadable."""
    if isinstance(value, str):
        value = _plain(value, spec.decimal or mapping.decimal, spec.thousands or mapping.thousands)
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        read = Decimal("NaN")
    if not read.is_finite() or abs(read.adjusted()) > DIGITS_MAX:
        raise Unreadable(f"holds no number. {HOW_NUMBERS_ARE_WRITTEN}")
    try:
        return read if spec.scale is None else multiplied(read, spec.scale)
    except Inexact:
        raise Unreadable("holds a number of too many digits.") from None


HOW_NUMBERS_ARE_WRITTEN = (
    "Where its numbers have a decimal comma, thousands separators or a sign of a currency, say so in the mapping"
    ' (decimal: ",", thousands: ".", strip: "€").'
)


def _plain(text: str, decimal: str, thousands: str | None) -> str:
    """As Python writes numbers. 1.5 is not 15, whatever separates thousands: groups have three digits."""
    text = text.strip()
    if decimal == "." and thousands is None:
        return text if "_" not in text else ""
    match = _written(decimal, thousands or "").fullmatch(text)
    if match is None:
        return ""
    sign, whole, part, power = match.groups(default="")
    digits = whole.replace(thousands, "") if thousands else whole
    return f"{sign}{digits}.{part[1:] or '0'}{power}"


@cache
def _written(decimal: str, thousands: str) -> re.Pattern[str]:
    mark = re.escape(thousands)
    grouped = rf"\d{{1,3}}(?:{mark}\d{{3}})+|" if thousands else ""
    return re.compile(rf"([+-]?)({grouped}\d+)({re.escape(decimal)}\d*)?([eE][+-]?\d+)?")


def instant(value: object, spec: Column, mapping: UsageMapping) -> str:
    """The instant as ISO 8601; a text that is left for the event's schema to read where the mapping says nothing of
    it. Raises Unreadable.
    """
    if spec.unit is not None:
        count = number(value, spec, mapping)
        start = spec.relative_to or EPOCH
        try:
            return (start + timedelta(microseconds=int(count * MICROSECONDS[spec.unit]))).isoformat()
        except OverflowError:
            raise Unreadable("holds a time of no calendar.", "invalid_time") from None
    text = str(value)
    zone = ZoneInfo(spec.zone) if spec.zone else UTC if spec.assume_utc else None
    if spec.format:
        try:
            at = datetime.strptime(text, spec.format)  # noqa: DTZ007  # its zone follows
        except ValueError:
            raise Unreadable("holds a time that is not written as the mapping's format says.", "invalid_time") from None
        return _with_zone(at, zone)
    return text if zone is None else _iso_with_zone(text, zone)


def _with_zone(at: datetime, zone: tzinfo | None) -> str:
    if at.tzinfo is not None:
        return at.isoformat()
    if zone is None:
        raise Unreadable(
            "holds a time without a time zone. Say in the mapping which it is in (zone: Europe/Berlin, or assume_utc).",
            "time_without_zone",
        )
    return at.replace(tzinfo=zone).isoformat()


def _iso_with_zone(text: str, zone: tzinfo) -> str:
    """`2026-11-24`, `2026-11-24 10:00` and BigQuery's `2026-11-24 10:00:00 UTC` are times too."""
    is_utc = text.endswith((" UTC", " GMT"))
    try:
        at = datetime.fromisoformat(text[:-4] if is_utc else text)
    except ValueError:
        raise Unreadable(
            'holds no ISO 8601 time. Say in the mapping how it is written (format: "%d.%m.%Y %H:%M").',
            "invalid_time",
        ) from None
    return text if at.tzinfo else _with_zone(at, UTC if is_utc else zone)

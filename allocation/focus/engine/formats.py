"""How FOCUS cells are written: read strictly by `check`, leniently by imports, and written as FOCUS requires."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

# What files hold instead of a null.
NULL_WORDS = frozenset({"", "NULL", "null", "Null"})
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:E-?\d+)?")
_LENIENT_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# A comma before decimals can only separate thousands; in "1,000" it may be a decimal comma.
_MONEY = re.compile(r"(-?)[$€£]?(\d{1,3}(?:,\d{3})*\.\d+|\d+)")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})")
UNIT = re.compile(r"(?:(?P<quantity>[1-9]\d*) )?(?P<unit>\S.*)")
# Larger numbers are mistakes or attacks: Decimal('1E+999999') written out is a megabyte.
EXPONENT_MAX = 60
DIGITS_MAX = 60


def is_null(cell: str | None) -> bool:
    """Whether the cell is null, blank or a word for null."""
    return cell is None or cell.strip() in NULL_WORDS


def strict_number(cell: str) -> Decimal | None:
    """The number as FOCUS writes it, else None."""
    return _decimal(cell) if NUMBER.fullmatch(cell) else None


def lenient_number(cell: str) -> Decimal | None:
    """Also accepts a plus sign, a small e, surrounding blanks, a currency sign and "10,000.00", but not the ambiguous
    "10,000".
    """
    text = cell.strip()
    if _LENIENT_NUMBER.fullmatch(text):
        return _decimal(text)
    money = _MONEY.fullmatch(text)
    return _decimal(money[1] + money[2].replace(",", "")) if money else None


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    if not number.is_finite() or not isinstance(exponent, int) or abs(exponent) > EXPONENT_MAX:
        return None
    return number if abs(number.adjusted()) <= EXPONENT_MAX and len(text) <= DIGITS_MAX else None


def strict_time(cell: str) -> datetime | None:
    """The instant as FOCUS writes it, in UTC; else None."""
    return _iso(cell) if TIME.fullmatch(cell) else None


def lenient_time(cell: str) -> datetime | None:
    """Also accepts ISO 8601 with any zone or none (then UTC), and month/day/year, which FOCUS's own examples use."""
    text = cell.strip()
    american = _AMERICAN.fullmatch(text)
    if american:
        month, day, year = (int(part) for part in american.groups())
        try:
            return datetime(year + 2000 if year < 100 else year, month, day, tzinfo=UTC)  # noqa: PLR2004  # two digits
        except ValueError:
            return None
    return _iso(text)


def _iso(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return None


def key_value(cell: str) -> dict[str, object] | str:
    """The object, or what is wrong with it: a sentence's end."""
    parsed = any_json(cell)
    if isinstance(parsed, str):
        return parsed
    if not isinstance(parsed[0], dict):
        return "is not a JSON object"
    nested = [key for key, value in parsed[0].items() if isinstance(value, dict | list)]
    return "has an object or array as the value of a key" if nested else parsed[0]


def any_json(cell: str) -> tuple[object] | str:
    """The value in a tuple, or what is wrong with it: a sentence's end."""
    try:
        return (json.loads(cell, object_pairs_hook=_unique, parse_constant=_refuse),)
    except _Repeated:
        return "names a key twice"
    except (ValueError, RecursionError):
        return "is not JSON"


class _Repeated(Exception):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Repeated
    return members


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def unit_of(cell: str) -> tuple[Decimal, str]:
    """(1000000, "Tokens") for "1000000 Tokens"; a unit without a quantity is one."""
    match = UNIT.fullmatch(cell.strip())
    if match is None:
        return Decimal(1), cell.strip()
    return Decimal(match["quantity"] or 1), match["unit"]


def number_text(number: Decimal) -> str:
    """Without exponent or trailing zeros, with at least one decimal place: readers that guess types must not take it
    for an integer.
    """
    text = format(number, "f")
    if "." not in text:
        return "0.0" if text == "-0" else f"{text}.0"
    text = text.rstrip("0")
    text = f"{text}0" if text.endswith(".") else text
    return "0.0" if text == "-0.0" else text


def time_text(at: datetime) -> str:
    """The instant as FOCUS writes it, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""How a FOCUS cell is written: strictly for `check`, leniently for a file that is to be read all the same."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

# Words that files hold where a null is meant.
NULL_WORDS = frozenset({"", "NULL", "null", "Null"})
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:E-?\d+)?")
_LENIENT_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# With decimals behind it a comma can only be a separator of thousands; "1,000" alone may be one.
_MONEY = re.compile(r"(-?)[$€£]?(\d{1,3}(?:,\d{3})*\.\d+|\d+)")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})")
UNIT = re.compile(r"(?:(?P<quantity>[1-9]\d*) )?(?P<unit>\S.*)")
# Beyond these a number is a mistake or an attack: Decimal('1E+999999') is one line of text.
EXPONENT_MAX = 60
DIGITS_MAX = 60


def is_null(cell: str | None) -> bool:
    return cell is None or cell.strip() in NULL_WORDS


def strict_number(cell: str) -> Decimal | None:
    return _decimal(cell) if NUMBER.fullmatch(cell) else None


def lenient_number(cell: str) -> Decimal | None:
    """A plus sign, a small e, blanks around, a currency sign and "10,000.00" are understood; "10,000" is not."""
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
    return _iso(cell) if TIME.fullmatch(cell) else None


def lenient_time(cell: str) -> datetime | None:
    """ISO 8601 with or without zone (then UTC), and month/day/year, which FOCUS's own examples write."""
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
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return None


def key_value(cell: str) -> dict[str, object] | str:
    """The object, or what is wrong with it."""
    found = any_json(cell)
    if isinstance(found, str):
        return found
    if not isinstance(found[0], dict):
        return "is no JSON object"
    nested = [key for key, value in found[0].items() if isinstance(value, dict | list)]
    return "has an object or array as the value of a key" if nested else found[0]


def any_json(cell: str) -> tuple[object] | str:
    try:
        return (json.loads(cell, object_pairs_hook=_unique, parse_constant=_refuse),)
    except _Repeated:
        return "names a key twice"
    except (ValueError, RecursionError):
        return "is no JSON"


class _Repeated(Exception):
    pass


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated
    return found


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def unit_of(cell: str) -> tuple[Decimal, str]:
    """(1000000, "Tokens") for "1000000 Tokens"; a unit without a quantity is one."""
    found = UNIT.fullmatch(cell.strip())
    if found is None:
        return Decimal(1), cell.strip()
    return Decimal(found["quantity"] or 1), found["unit"]


def number_text(number: Decimal) -> str:
    """No exponent, no trailing zeros, one decimal at least: a reader that guesses types must not take it for whole."""
    text = format(number, "f")
    if "." not in text:
        return "0.0" if text == "-0" else f"{text}.0"
    text = text.rstrip("0")
    text = f"{text}0" if text.endswith(".") else text
    return "0.0" if text == "-0.0" else text


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

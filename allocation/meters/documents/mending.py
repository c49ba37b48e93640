"""A record whose fault touches neither its identity, its price nor its scope, mended so that it counts.

What is mended is named in the event's `mended`. What identifies, prices or places a call is never guessed: there the
record stays as it is, for the event's schema to refuse.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, TypeVar

from pydantic import ValidationError

from allocation.meters.documents.events import (
    AMOUNT_MAX,
    ATTRIBUTE_NAME_MAX,
    COUNT_MAX,
    IDENTIFIER_MAX,
    LABEL_MAX,
    MENDED_MAX,
    NAME_MAX,
    READ_EVENT,
    Fault,
    UsageEvent,
    fault_of,
    status_name,
    tier_name,
)

LATENCY_MAX_MS = 10**9
UNKNOWN = "unknown"
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DIGEST_BYTES = 12
_MICRO = Decimal("0.000001")
# Fields of which null means what leaving them out means. Of token counts that holds for parts, not for a whole.
_OPTIONAL = (
    "attributes", "operation", "service_tier", "status", "task_id", "session_id", "requests", "quantities", "tokens",
    "estimated", "cached_response", "mended",
)  # fmt: skip
_WHOLES = ("input", "output")
# Each whole with its parts, in the order in which they are fitted into it. A whole comes before its parts' parts.
_PARTS = (
    ("input", ("cached_input", "cache_write", "audio_input", "image_input")),
    ("cache_write", ("cache_write_1h",)),
    ("cached_input", ("cached_audio_input",)),
    ("output", ("reasoning", "audio_output", "image_output")),
)
_AMOUNTS = ("cost", "claimed_cost", "gpu_seconds", "quantities")
Document = dict[str, Any]
ReadT = TypeVar("ReadT")
# Mends a field of the document in place. True: what stands there now is not what was stated.
Mend = Callable[[Document], bool]


def read_event(record: bytes) -> UsageEvent | Fault:
    """The event of a record in JSON, mended only where it does not validate as it came; else the fault it is refused
    for.
    """
    try:
        return READ_EVENT(record)
    except ValidationError as problem:
        return read_again(problem, mended_record(record), READ_EVENT, fault_of)


def read_again(
    problem: ValidationError,
    document: bytes | None,
    read: Callable[[bytes], ReadT],
    said: Callable[[ValidationError], Fault],
) -> ReadT | Fault:
    """What the mended `document` reads as. Where it is None there was nothing to mend, and the first problem stands;
    else the fault of what is wrong with it still.
    """
    if document is None:
        return said(problem)
    try:
        return read(document)
    except ValidationError as still:
        return said(still)


def mended_record(record: bytes) -> bytes | None:
    """As `mended`, from JSON to JSON; None also for what is no JSON object."""
    try:
        data = json.loads(record, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    document = mended(data) if isinstance(data, dict) else None
    return None if document is None else json.dumps(_exact(document), default=float).encode()


def mended(data: Mapping[str, Any]) -> Document | None:
    """A native event with what may be mended, mended; None where there is nothing to mend."""
    document = {name: value for name, value in data.items() if value is not None or name not in _OPTIONAL}
    is_rewritten = _write_counts_whole(document)
    marks = {name for name, mend in _MENDS.items() if name in document and mend(document)}
    if not is_rewritten and document == data:
        return None
    marks.update(document.pop("mended", ()))
    return {**document, "mended": sorted(marks)[:MENDED_MAX]} if marks else document


def fitted(text: str, length_max: int) -> str:
    """The text itself where it fits. Otherwise its beginning, without control characters and lone surrogates, and a
    digest of the whole: equal texts stay equal, and different ones different.
    """
    safe = _UNSTORABLE.sub(" ", text)
    if safe == text and len(text) <= length_max:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{safe[: length_max - len(digest) - 1]}~{digest}"


def _number(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:
        return float(text)


def _as_text(value: object) -> str | None:
    """A text, a number or a truth value as text; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | Decimal) else None


def _identifier(name: str) -> Mend:
    def mend(document: Document) -> bool:
        text = _as_text(document[name])
        kept = "" if text is None else fitted(text, IDENTIFIER_MAX)
        document[name] = kept
        return kept != text

    return mend


def _label(name: str, length_max: int, named: Callable[[str], str]) -> Mend:
    """A name that does not fit is cut; what is no name at all is unknown, which has no price."""

    def mend(document: Document) -> bool:
        text = _as_text(document[name])
        if text is not None and not text.strip():
            del document[name]
            return False
        known = named(text) if text is not None else ""
        kept = fitted(known, length_max) or UNKNOWN
        document[name] = kept
        return kept != known

    return mend


def _attributes(document: Document) -> bool:
    stated = document["attributes"]
    if not isinstance(stated, dict):
        del document["attributes"]
        return True
    texts = {name: _as_text(value) for name, value in stated.items() if value is not None}
    kept = {
        fitted(name, ATTRIBUTE_NAME_MAX): fitted(text, IDENTIFIER_MAX)
        for name, text in texts.items()
        if name and text is not None
    }
    document["attributes"] = kept
    return kept != texts


def _latency(document: Document) -> bool:
    """Rounded; left out where no call can take so long."""
    stated = document["latency_ms"]
    if stated is None or (type(stated) is int and 0 <= stated <= LATENCY_MAX_MS):
        return False
    number = _finite(stated)
    kept = round(number) if number is not None and 0 <= number <= LATENCY_MAX_MS else None
    document["latency_ms"] = kept
    return kept is None or kept != number


def _finite(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _claimed(document: Document) -> bool:
    """A claim is not counted, so that an impossible one is left out."""
    claim = document["claimed_cost"]
    amount = claim.get("amount") if isinstance(claim, dict) else claim
    currency = claim.get("currency") if isinstance(claim, dict) else "USD"
    number = _finite(amount)
    if claim is None or (number is not None and 0 <= number <= AMOUNT_MAX and _is_currency(currency)):
        return False
    document["claimed_cost"] = None
    return True


def _is_currency(code: object) -> bool:
    return isinstance(code, str) and re.fullmatch("[A-Z]{3}", code) is not None


def _estimated(document: Document) -> bool:
    return not isinstance(document["estimated"], bool) and document.pop("estimated") is not None


def _marks(document: Document) -> bool:
    stated = document["mended"]
    names = stated if isinstance(stated, list | tuple) else ()
    document["mended"] = [fitted(name, LABEL_MAX) for name in names if isinstance(name, str) and name]
    return False


def _cost(document: Document) -> bool:
    """`usd` is no other currency than `USD`."""
    cost = document["cost"]
    if isinstance(cost, dict) and isinstance(cost.get("currency"), str):
        document["cost"] = {**cost, "currency": cost["currency"].strip().upper()}
    return False


def _to_the_microunit(name: str) -> Mend:
    """Rounds to what is stored, unless nothing would be left of it."""

    def mend(document: Document) -> bool:
        stated = document[name]
        if isinstance(stated, dict):
            document[name] = {key: _rounded(amount) for key, amount in stated.items()}
        else:
            document[name] = _rounded(stated)
        return document[name] is not stated and document[name] != stated

    return mend


def _rounded(value: object) -> object:
    number = _finite(value) if isinstance(value, str | Decimal) else None
    if number is None or not 0 < number <= AMOUNT_MAX or number == number.quantize(_MICRO):
        return value
    nearest = number.quantize(_MICRO)
    return format(nearest, "f") if nearest else value


def _tokens(document: Document) -> bool:
    """Parts larger than their whole do not fit together. Where the cost is stated they decide nothing of it, so that
    they are cut to the whole, or the whole is their sum where nobody stated one.
    """
    stated = document["tokens"]
    if document.get("cost") is None or not isinstance(stated, dict):
        return False
    if any(type(count) is not int or count < 0 for count in stated.values()):
        return False
    counts = dict(stated)
    for whole, parts in reversed(_PARTS):
        if not counts.get(whole) and any(counts.get(part) for part in parts):
            counts[whole] = sum(counts.get(part, 0) for part in parts)
    for whole, parts in _PARTS:
        room = counts.get(whole, 0)
        for part in parts:
            if part in counts:
                counts[part] = min(counts[part], room)
                room -= counts[part]
    document["tokens"] = counts
    return counts != stated


def _write_counts_whole(document: Document) -> bool:
    """Writes `12.0` as 12, which is the same count, and leaves out parts that are null."""
    tokens = document.get("tokens")
    is_rewritten = False
    if isinstance(tokens, dict):
        document["tokens"] = {
            name: _whole(count) for name, count in tokens.items() if count is not None or name in _WHOLES
        }
        is_rewritten = any(isinstance(count, Decimal) for count in tokens.values())
    if isinstance(document.get("requests"), Decimal):
        document["requests"] = _whole(document["requests"])
        is_rewritten = True
    return is_rewritten


def _whole(count: object) -> object:
    if isinstance(count, Decimal) and abs(count) <= COUNT_MAX and count == count.to_integral_value():
        return int(count)
    return count


def _exact(document: Document) -> Document:
    """Amounts as text, so that no digit of them is lost in a float."""
    amounts = {
        name: {key: str(amount) if isinstance(amount, Decimal) else amount for key, amount in stated.items()}
        if isinstance(stated, dict)
        else str(stated)
        for name in _AMOUNTS
        if isinstance(stated := document.get(name), dict | Decimal)
    }
    return {**document, **amounts}


_MENDS: Mapping[str, Mend] = {
    "task_id": _identifier("task_id"),
    "session_id": _identifier("session_id"),
    "operation": _label("operation", NAME_MAX, str),
    "service_tier": _label("service_tier", LABEL_MAX, tier_name),
    "status": _label("status", LABEL_MAX, status_name),
    "attributes": _attributes,
    "latency_ms": _latency,
    "gpu_seconds": _to_the_microunit("gpu_seconds"),
    "quantities": _to_the_microunit("quantities"),
    "cost": _cost,
    "claimed_cost": _claimed,
    "estimated": _estimated,
    "tokens": _tokens,
    "mended": _marks,
}

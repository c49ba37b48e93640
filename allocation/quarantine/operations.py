"""Refused records, kept without their text so that they can be replayed."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import isfinite
from typing import Any
from uuid import UUID

from django.db import connection
from pydantic import BaseModel

from allocation.meters.documents import (
    ATTRIBUTE_NAME_MAX,
    COUNTED_METERS,
    EVENT_FIELDS,
    TOKEN_FIELDS,
    TOLD_NAMES,
    Fault,
    as_document,
)
from allocation.quarantine.engine import Amount, claimed
from governance.scopes.queries import ScopeTree, scope_tree

VALUE_LENGTH_MAX = 500
# Rules may read the last of them.
ATTRIBUTES_KEPT = 1_000
DROPPED_NAMES_KEPT = 50
MONEY = frozenset({"cost", "claimed_cost", "value"})
LISTS = frozenset({"task_ids", "safety_flags", "mended", "other_ids"})
LISTED_KEPT = 100
_NUMBER, _LABEL = (
    re.compile(r"[-+.,_ eE0-9]{1,64}|(?i:[-+]?(?:nan|inf(?:inity)?))"),
    re.compile(r"[A-Za-z0-9_.:-]{1,64}"),
)
# How texts of fields look that are no names; of any other field every text may be one.
SHAPES = {
    **dict.fromkeys((*MONEY, "amount", "requests", "gpu_seconds", "latency_ms", "quantity", "quality_score"), _NUMBER),
    **dict.fromkeys(("estimated", "cached_response", "success"), re.compile("(?i:true|false|yes|no|[01])")),
    **dict.fromkeys(("name", "kind", "identity", "safety_flags", "tokens", "quantities", "attributes"), _LABEL),
    "occurred_at": re.compile(r"[-+.,: /TtZz0-9]{1,64}"),
    "currency": re.compile("[A-Za-z]{1,8}"),
}


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """What is kept of a refused record: `digest` (SHA-256) and `size_bytes` of it as it was sent, `payload` in the
    native form with known fields and bounded values, in `dropped` the names of fields that were left out, and in
    `amount` what it states to cost.
    """

    index: int
    fault: Fault
    digest: str
    size_bytes: int
    payload: dict[str, Any] | None = None
    dropped: tuple[str, ...] = ()
    amount: Amount | None = None


def refused_text(index: int, fault: Fault, raw: bytes) -> RefusedRecord:
    """Of a record that is not a JSON object only digest and size are kept."""
    return RefusedRecord(index, fault, sha256(raw).hexdigest(), len(raw))


def refused_data(
    index: int, fault: Fault, data: object, raw: bytes, *, fields: Collection[str] = EVENT_FIELDS
) -> RefusedRecord:
    """Of parsed JSON; `raw` is what was sent, `fields` are the known fields of such a record."""
    if not isinstance(data, dict):
        return refused_text(index, fault, raw)
    payload, dropped = sanitised(data, fields=fields)
    return RefusedRecord(index, fault, sha256(raw).hexdigest(), len(raw), payload, dropped, claimed(payload))


def refused_event(index: int, fault: Fault, event: BaseModel) -> RefusedRecord:
    """Of a valid event that cannot be counted; it is kept whole. `size_bytes` is that of its JSON."""
    document = as_document(event)
    raw = json.dumps(document, sort_keys=True).encode()
    return RefusedRecord(index, fault, sha256(raw).hexdigest(), len(raw), document, amount=claimed(document))


def sanitised(
    data: dict[str, Any], *, fields: Collection[str] = EVENT_FIELDS
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Known fields with bounded values of their kind, and the names of the dropped fields, `?` for one that the sender
    may have made up.
    """
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in data.items():
        if name not in fields:
            dropped.append(name if name in TOLD_NAMES else "?")
        elif isinstance(value, dict):
            kept[name] = _bounded_object(name, value)
        elif isinstance(value, list) and name in LISTS:
            kept[name] = [_fitting(name, item) for item in value[:LISTED_KEPT]]
        else:
            kept[name] = _fitting(name, value)
    return kept, tuple(dropped[:DROPPED_NAMES_KEPT])


def _bounded_object(name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Empty for a field that is not an object in the native form."""
    if name == "tokens":
        return {key: _fitting("amount", value[key]) for key in sorted(TOKEN_FIELDS & value.keys())}
    if name == "quantities":
        return {meter: _fitting("amount", value[meter]) for meter in COUNTED_METERS if meter in value}
    if name in MONEY:
        return {key: _fitting(key, value[key]) for key in ("amount", "currency") if key in value}
    pairs = list(value.items())[:ATTRIBUTES_KEPT] if name == "attributes" else []
    return {
        key if len(key) <= ATTRIBUTE_NAME_MAX and storable(key) == key else "?": bounded(item) for key, item in pairs
    }


def _fitting(name: str, value: object) -> object:
    """As `bounded`, and a text only where the field's values may look so: what is no number counts no tokens, whatever
    a person may correct, and may be of a prompt.
    """
    shape = SHAPES.get(name)
    if shape is not None and isinstance(value, str) and not shape.fullmatch(value):
        return {"replaced": "text"}
    return bounded(value)


def bounded(value: object) -> object:
    """The value, or {"replaced": kind} for one that JSON cannot hold, that is too large, or that is not a scalar."""
    if isinstance(value, float):
        # JSON has neither NaN nor an infinity.
        return value if isfinite(value) else {"replaced": "number"}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**18 else {"replaced": "integer"}
    # A text is kept whole or not at all: with a changed text a replay would count another record.
    if isinstance(value, str) and len(value) <= VALUE_LENGTH_MAX and storable(value) == value:
        return value
    return {"replaced": "text" if isinstance(value, str) else "structure"}


def storable(text: str) -> str:
    """With replacement characters for what PostgreSQL's JSON cannot hold: NUL and lone surrogates."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def _currency(record: RefusedRecord, authority_id: int | None, tree: ScopeTree) -> str:
    """Of the amount: as stated, else that of the sender's organisation, or of the scope that the record names."""
    if record.amount is None or record.amount.currency:
        return record.amount.currency if record.amount else ""
    path = str((record.payload or {}).get("scope", ""))
    node = tree.by_path.get(path.partition("/")[0]) if authority_id is None else tree.by_id.get(authority_id)
    return node.currency if node is not None else ""


@dataclass(frozen=True, slots=True)
class Kept:
    """The row in which a refused record waits, and, once it was replayed, the usage record that it became."""

    row_id: int
    record_id: UUID | None
    record_occurred_at: datetime | None


def quarantine(
    *,
    refused: Sequence[RefusedRecord],
    authority_id: int | None,
    source_format: str,
    at: datetime,
    is_of_import: bool = False,
    sender: str = "",
) -> dict[tuple[str, str], Kept]:
    """Insert the records, or raise `seen_count` of those that are there. Rows are locked in the order of digest and
    code, by which they are returned. `is_of_import`: they come from a file. `sender`: whose they are, once replayed.
    """
    if not refused:
        return {}
    rows = {(record.digest, record.fault.code): record for record in refused}
    ordered = [rows[key] for key in sorted(rows)]
    tree = scope_tree()
    amounts = [record.amount for record in ordered]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO allocation_quarantinedusage AS known (
                authority_id, source_format, code, field, message, payload, dropped_fields, digest, size_bytes,
                first_seen_at, last_seen_at, seen_count, amount, currency, is_estimate, is_of_imports, sender
            )
            SELECT %(authority)s, %(format)s, row.code, row.field, row.message, row.payload, row.dropped, row.digest,
                row.size_bytes, %(at)s, %(at)s, 1, row.amount, row.currency, row.is_estimate, %(is_of_import)s,
                %(sender)s
            FROM unnest(
                %(codes)s::text[], %(fields)s::text[], %(messages)s::text[],
                %(payloads)s::jsonb[], %(dropped)s::jsonb[],
                %(digests)s::text[], %(sizes)s::bigint[],
                %(amounts)s::numeric[], %(currencies)s::text[], %(estimates)s::boolean[]
            ) AS row (code, field, message, payload, dropped, digest, size_bytes, amount, currency, is_estimate)
            ORDER BY row.digest, row.code
            ON CONFLICT (authority_id, digest, code) DO UPDATE SET
                last_seen_at = EXCLUDED.last_seen_at, seen_count = known.seen_count + 1,
                is_of_imports = known.is_of_imports AND EXCLUDED.is_of_imports
            RETURNING digest, code, id, record_id, record_occurred_at
            """,
            {
                "authority": authority_id,
                "format": source_format,
                "at": at,
                "is_of_import": is_of_import,
                "sender": sender,
                "codes": [record.fault.code for record in ordered],
                "fields": [record.fault.field[:100] for record in ordered],
                "messages": [record.fault.message[:500] for record in ordered],
                "payloads": [None if record.payload is None else json.dumps(record.payload) for record in ordered],
                "dropped": [json.dumps(record.dropped) for record in ordered],
                "digests": [record.digest for record in ordered],
                "sizes": [record.size_bytes for record in ordered],
                "amounts": [amount.amount if amount else None for amount in amounts],
                "currencies": [_currency(record, authority_id, tree) for record in ordered],
                "estimates": [amount is not None and amount.is_estimate for amount in amounts],
            },
        )
        return {(digest, code): Kept(*kept) for digest, code, *kept in cursor.fetchall()}

"""Files that state an account's days or months whole."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from allocation.usage.documents import Stated
from allocation.usage.importers.cells import text_of
from allocation.usage.importers.incoming import Incoming
from allocation.usage.importers.row_identities import DIGEST_LENGTH


def state(incoming: Incoming, index: int, event: dict[str, Any], row: Mapping[str, Any], stated: Stated) -> None:
    """Names the statement that the event belongs to, and makes its content part of its identity: a row that was
    restated is another record, beside the one that is taken back.
    """
    occurred_at = _instant(event.get("occurred_at"))
    if occurred_at is None:
        return
    length = len("2026-11-24") if stated.period == "day" else len("2026-11")
    account = [text_of(row, column) for column in stated.account]
    period = occurred_at.astimezone(UTC).isoformat()[:length]
    incoming.statements[index] = _digest([event.get("source"), account, period])
    event["id"] = _digest(event)


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]

"""Files that state an account's hours, days or months whole."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allocation.usage.documents import Stated
from allocation.usage.engine.statements import short_digest, span_around, widen
from allocation.usage.importers.cells import text_of
from allocation.usage.importers.incoming import Incoming


def state(incoming: Incoming, event: Mapping[str, Any], row: Mapping[str, Any], stated: Stated) -> str:
    """The account of the event, of which the file now states the period too, where its time can be read."""
    account = short_digest([event.get("source"), [text_of(row, column) for column in stated.account]])
    occurred_at = _instant(event.get("occurred_at"))
    if occurred_at is not None:
        widen(incoming.stated, account, span_around(occurred_at, stated.period))
    return account


def tell_apart(event: dict[str, Any]) -> None:
    """Makes its content the identity of the event: a row that was restated is another record, beside the one that is
    taken back.
    """
    event["id"] = short_digest(event)


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None

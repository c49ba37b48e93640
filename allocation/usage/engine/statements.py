"""What a file states whole: of an account, everything from its first period to its last."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from governance.calendar.engine import midnight, month_after

# By account: half-open [since, until), as ISO 8601 texts in UTC, which sort as their instants do.
Spans = Mapping[str, tuple[str, str]]
DIGEST_LENGTH = 32


def statement_of(root_id: int, account: str) -> str:
    """The name of an organisation's account; two organisations may use the same texts."""
    return short_digest([root_id, account])


def short_digest(content: object) -> str:
    """Equal for equal content."""
    text = json.dumps(content, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def span_around(at: datetime, period: str) -> tuple[str, str]:
    """The UTC hour, day or month that `at` lies in."""
    at = at.astimezone(UTC)
    if period == "hour":
        since = at.replace(minute=0, second=0, microsecond=0)
        return since.isoformat(), (since + timedelta(hours=1)).isoformat()
    first = at.date().replace(day=1) if period == "month" else at.date()
    last = month_after(first) if period == "month" else first + timedelta(days=1)
    return midnight(first).isoformat(), midnight(last).isoformat()


def joined_spans(one: Spans, other: Spans) -> dict[str, tuple[str, str]]:
    """By account from the first to the last of both: what lies between is stated to hold nothing."""
    joined = {account: (since, until) for account, (since, until) in one.items()}
    for account, (since, until) in other.items():
        widen(joined, account, (since, until))
    return joined


def widen(spans: dict[str, tuple[str, str]], account: str, span: tuple[str, str]) -> None:
    """Makes the account's span reach over this one too."""
    since, until = spans.get(account, span)
    spans[account] = min(since, span[0]), max(until, span[1])

"""What senders over HTTP share: where they may send, and what an answer means."""

from __future__ import annotations

import errno
import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from urllib3.exceptions import NewConnectionError

RETRY_AFTER_MAX = timedelta(hours=24)
TIMEOUT_S = 10


def url_parts(url: str) -> SplitResult | None:
    """None for a malformed URL, such as https://[::1 or one with letters as its port."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def is_loopback_url(url: str) -> bool:
    """Whether the host is this machine, by name or address."""
    parts = url_parts(url)
    host = (parts.hostname if parts else None) or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after(value: str | None, *, at: datetime) -> timedelta | None:
    """The header's seconds or HTTP date as a wait of at most RETRY_AFTER_MAX; None when absent or unreadable."""
    if not value:
        return None
    if value.strip().isdecimal():
        return min(timedelta(seconds=min(int(value), 10**6)), RETRY_AFTER_MAX)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - at
    return min(max(wait, timedelta()), RETRY_AFTER_MAX)


def reason_of(problem: BaseException) -> str:
    """What went wrong on the way, without the words of libraries: those show the address, whose path is a secret."""
    innermost, known = problem, {id(problem)}
    while isinstance(following := _next_within(innermost), BaseException) and id(following) not in known:
        known.add(id(following))
        innermost = following
    detail = innermost.strerror if isinstance(innermost, OSError) else None
    inner = type(innermost).__name__ + (f" ({detail})" if detail and "/" not in detail else "")
    outer = type(problem).__name__
    return outer if innermost is problem and not detail else f"{outer}: {inner}"


def _next_within(problem: BaseException) -> object:
    return getattr(problem, "reason", None) or problem.__cause__ or problem.__context__ or _inner(problem)


def never_left(problem: BaseException) -> bool:
    """Whether a connection failed before anything could arrive: refused, unknown host, no route."""
    reason: object = problem
    for _ in range(6):
        if isinstance(reason, ConnectionRefusedError | socket.gaierror | NewConnectionError):
            return True
        if isinstance(reason, OSError) and reason.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
            return True
        reason = getattr(reason, "reason", None) or getattr(reason, "__cause__", None) or _inner(reason)
        if reason is None:
            return False
    return False


def _inner(problem: object) -> object:
    arguments = getattr(problem, "args", ())
    return next((argument for argument in arguments if isinstance(argument, BaseException)), None)

"""Refusals of a question."""

from __future__ import annotations

from governance.errors import DomainError, Forbidden, NotFound

PERMISSION = "decisions:read"


class KeyRefused(DomainError):
    """The API key is unknown, revoked or expired, or none was sent."""

    code = "key_invalid"
    status = 401

    def __init__(
        self, detail: str = "This API key is unknown, revoked or expired.", *, code: str | None = None
    ) -> None:
        super().__init__(detail, code=code)


class SnapshotMissing(DomainError):
    """What is in memory is missing or too old, and does not know what was asked about."""

    code = "decisions_not_ready"
    status = 503

    def __init__(self) -> None:
        super().__init__("Weir has not heard from its database. Try again shortly.")


def permission_missing() -> Forbidden:
    """The key is valid and may not ask."""
    return Forbidden(f"This needs the permission {PERMISSION}.", code="permission_missing")


def scope_unknown(path: str) -> NotFound:
    """There is no such scope, or the key may not see it: the caller learns no difference."""
    return NotFound(f"There is no scope {path!r} here.", code="scope_unknown")


def scope_forbidden() -> NotFound:
    """The call's attributes lead out of the key's subtree."""
    return NotFound("Its attributes lead to a scope outside what the key may write to.", code="scope_unknown")

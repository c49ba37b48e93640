"""Kept answers to commands, by caller and `Idempotency-Key`."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from governance.errors import DomainError
from governance.people.rules import Actor
from governance.work.engine.locks import IDEMPOTENCY_LOCK
from governance.work.models import IdempotencyRecord
from governance.work.operations.locks import hold_if_free

KEY_LENGTH_MAX = 255
KEPT_FOR = timedelta(hours=48)


class IdempotencyConflict(DomainError):
    """The same command is still running."""

    code = "idempotency_in_progress"
    status = 409


class IdempotencyMismatch(DomainError):
    """The key was used for another request, or is malformed."""

    code = "idempotency_key_reused"
    status = 422


def caller_of(actor: Actor) -> str:
    """Whose keys they are: the API key's, the person's or the installation's."""
    if actor.key is not None:
        return f"key:{actor.key.pk}"
    return f"user:{actor.user.pk}" if actor.user is not None else f"system:{actor.label}"


def fingerprint(*parts: str) -> str:
    """A digest that differs when any of the parts differs."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def begin_command(*, caller: str, key: str, fingerprint: str) -> IdempotencyRecord | None:
    """The kept answer, or None when the command is to run. Call in the transaction of its effect, which holds an
    advisory lock on (caller, key) to its end.

    IdempotencyConflict, IdempotencyMismatch.
    """
    if len(key) > KEY_LENGTH_MAX or not key.isprintable():
        raise IdempotencyMismatch(
            f"An Idempotency-Key is at most {KEY_LENGTH_MAX} printable characters.", code="idempotency_key_invalid"
        )
    digest = hashlib.sha256(f"{caller}\0{key}".encode()).digest()
    if not hold_if_free(IDEMPOTENCY_LOCK, of=int.from_bytes(digest[:8], "big", signed=True)):
        raise IdempotencyConflict("A request with this Idempotency-Key is still running.")
    known = IdempotencyRecord.objects.filter(caller=caller, key=key).first()
    if known is not None and known.fingerprint != fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key was used for a different request.")
    return known


def finish_command(*, caller: str, key: str, fingerprint: str, status: int, body: Any, at: datetime) -> None:
    """Keeps the answer, in the transaction of the effect."""
    IdempotencyRecord.objects.create(
        caller=caller, key=key, fingerprint=fingerprint, status=status, body=body, created_at=at
    )


def forget_old_commands(*, at: datetime) -> int:
    """Deletes answers older than KEPT_FOR and returns how many."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=at - KEPT_FOR).delete()
    return deleted

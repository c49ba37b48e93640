from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from django.db import connection, transaction
from django.db.models import Q

from governance.errors import DomainError, Invalid
from governance.models import ApiKey, KeyPermission, Scope
from governance.operations.records import record_decision
from governance.rules import Actor, check_may_change

LAST_USE_RESOLUTION = timedelta(minutes=1)
SCHEME = "weir_"
_PREFIX_BYTES = 5
_SECRET_BYTES = 32


class KeyAlreadyRevoked(DomainError):
    code = "key_already_revoked"


def _digest(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode()).hexdigest()


@transaction.atomic
def create_api_key(
    *,
    scope: Scope,
    permissions: Sequence[str],
    actor: Actor,
    at: datetime,
    name: str = "",
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The key and its plaintext, which exists nowhere else and is never shown again."""
    unknown = sorted(set(permissions) - set(KeyPermission.values))
    if unknown or not permissions:
        raise Invalid(
            f"Unknown permission {unknown[0]!r}." if unknown else "A key needs at least one permission.",
            code="unknown_permission",
            known=KeyPermission.values,
        )
    if expires_at is not None and expires_at <= at:
        raise Invalid("The key would have expired already.", code="expiry_in_the_past")
    check_may_change(actor, "governance.apikey", scope.path)
    prefix = secrets.token_hex(_PREFIX_BYTES)
    plaintext = f"{SCHEME}{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    key = ApiKey.objects.create(
        prefix=prefix,
        digest=_digest(plaintext),
        name=name,
        scope=scope,
        permissions=sorted(set(permissions)),
        created_at=at,
        created_by=actor.user,
        expires_at=expires_at,
    )
    record_decision(
        actor=actor,
        action="api_key.create",
        scope=scope,
        subject=f"api_key:{prefix}",
        reason=name,
        evidence={"permissions": key.permissions, "expires_at": expires_at.isoformat() if expires_at else None},
        at=at,
    )
    return key, plaintext


def key_identity(plaintext: str) -> tuple[str, str] | None:
    """The prefix a key is found by and the digest it must have; None for what cannot be a key."""
    scheme, _, rest = plaintext.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != "weir" or len(prefix) != 2 * _PREFIX_BYTES or not secret or not plaintext.isascii():
        return None
    return prefix, _digest(plaintext)


def _stored_key(prefix: str) -> ApiKey | None:
    """The row and its scope (labels deferred). Every request comes through here: the ORM would spend several times
    as long on building this one statement as PostgreSQL on answering it.
    """
    statement, key_fields, scope_fields = _key_statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    key = ApiKey.from_db(connection.alias, key_fields, row[: len(key_fields)])
    key.scope = Scope.from_db(connection.alias, scope_fields, row[len(key_fields) :])
    return key


@cache
def _key_statement() -> tuple[str, list[str], list[str]]:
    key_fields = [field.attname for field in ApiKey._meta.concrete_fields]  # noqa: SLF001  # Django's public introspection, whatever its name.
    scope_fields = [field.attname for field in Scope._meta.concrete_fields if field.attname != "labels"]  # noqa: SLF001  # See above.
    columns = [f"key.{name}" for name in key_fields] + [f"scope.{name}" for name in scope_fields]
    statement = (
        f"SELECT {', '.join(columns)} FROM governance_apikey AS key"  # noqa: S608  # Names of our own fields.
        " JOIN governance_scope AS scope ON scope.id = key.scope_id WHERE key.prefix = %s"
    )
    return statement, key_fields, scope_fields


def authenticate_key(plaintext: str, *, at: datetime) -> ApiKey | None:
    """The valid key, its scope loaded; None for anything else. One indexed query; last use is noted once a minute."""
    identity = key_identity(plaintext)
    if identity is None:
        return None
    prefix, digest = identity
    key = _stored_key(prefix)
    if key is None or not hmac.compare_digest(key.digest, digest) or not key.valid_at(at):
        return None
    if key.last_used_at is None or key.last_used_at <= at - LAST_USE_RESOLUTION:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=at - LAST_USE_RESOLUTION)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)
        key.last_used_at = at
    return key


@transaction.atomic
def revoke_api_key(*, key_id: int, actor: Actor, at: datetime, reason: str = "") -> ApiKey:
    key = ApiKey.objects.select_for_update(of=("self",)).select_related("scope").get(pk=key_id)
    check_may_change(actor, "governance.apikey", key.scope.path)
    if key.revoked_at is not None:
        raise KeyAlreadyRevoked(f"The key {key.prefix} was revoked at {key.revoked_at:%FT%TZ}.")
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    record_decision(
        actor=actor,
        action="api_key.revoke",
        scope=key.scope,
        subject=f"api_key:{key.prefix}",
        reason=reason,
        evidence={},
        at=at,
    )
    return key

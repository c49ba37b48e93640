"""Creating and revoking API keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from governance.errors import DomainError, Invalid
from governance.people.engine import KEY_PREFIX_BYTES, SCHEME, key_digest
from governance.people.models import ApiKey, KeyPermission, User
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope

_SECRET_BYTES = 32


class KeyAlreadyRevoked(DomainError):
    """A key is revoked once."""

    code = "key_already_revoked"


@transaction.atomic
def create_api_key(
    *,
    scope: Scope,
    permissions: Sequence[str],
    actor: Actor,
    at: datetime,
    name: str = "",
    expires_at: datetime | None = None,
    owner: User | None = None,
) -> tuple[ApiKey, str]:
    """The key and its plaintext, which is stored nowhere and never shown again. Its owner answers for what it proposes;
    left out, that is who makes it.

    Invalid (`permission_unknown`, `expiry_in_the_past`), Forbidden.
    """
    unknown = sorted(set(permissions) - set(KeyPermission.values))
    if unknown or not permissions:
        raise Invalid(
            f"Unknown permission {unknown[0]!r}." if unknown else "A key needs at least one permission.",
            code="permission_unknown",
            known=KeyPermission.values,
        )
    if expires_at is not None and expires_at <= at:
        raise Invalid("The key would have expired already.", code="expiry_in_the_past")
    check_may_change(actor, "governance.apikey", scope.path)
    prefix = secrets.token_hex(KEY_PREFIX_BYTES)
    plaintext = f"{SCHEME}{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    key = ApiKey.objects.create(
        prefix=prefix,
        digest=key_digest(plaintext),
        name=name,
        scope=scope,
        permissions=sorted(set(permissions)),
        created_at=at,
        created_by=owner or actor.person,
        expires_at=expires_at,
    )
    record_decision(
        actor=actor,
        action="api_key.create",
        scope=scope,
        subject=f"api_key:{prefix}",
        reason=name,
        evidence={
            "permissions": key.permissions,
            "expires_at": expires_at.isoformat() if expires_at else None,
            "owner": key.created_by.email if key.created_by is not None else None,
        },
        at=at,
    )
    return key, plaintext


@transaction.atomic
def revoke_api_key(*, key_id: int, actor: Actor, at: datetime, reason: str = "") -> ApiKey:
    """Ends the key at `at`. Forbidden, KeyAlreadyRevoked."""
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

"""API keys: how one is written, and the check of one that a request presents."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import cache

from django.db import connection
from django.db.models import Q

from governance.people.engine import key_identity
from governance.people.models import ApiKey
from governance.scopes.models import Scope
from governance.statements.operations import one_message

LAST_USE_RESOLUTION = timedelta(minutes=1)


def _stored_keys(prefixes: Iterable[str]) -> dict[str, ApiKey]:
    """By prefix the rows and their scopes (labels deferred). Every request reads one: the ORM would spend several times
    as long on building this one statement as PostgreSQL on answering it.
    """
    statement, key_fields, scope_fields = _key_statement()
    # A statement for each, of which there is mostly one: it is planned once, as one for any number would not be.
    with one_message() as message:
        asked = [message.ask(statement, [prefix]) for prefix in prefixes]
    keys = {}
    for row in (row for each in asked for row in each.rows()):
        key = ApiKey.from_db(connection.alias, key_fields, row[: len(key_fields)])
        key.scope = Scope.from_db(connection.alias, scope_fields, row[len(key_fields) :])
        keys[key.prefix] = key
    return keys


@cache
def _key_statement() -> tuple[str, list[str], list[str]]:
    key_fields = [field.attname for field in ApiKey._meta.concrete_fields]  # noqa: SLF001  # Django's public introspection, whatever its name.
    scope_fields = [field.attname for field in Scope._meta.concrete_fields if field.attname != "labels"]  # noqa: SLF001  # See above.
    columns = [f"key.{name}" for name in key_fields] + [f"scope.{name}" for name in scope_fields]
    statement = (
        f"SELECT {', '.join(columns)} FROM governance_apikey AS key"  # noqa: S608  # Names of our own fields.
        " JOIN governance_scope AS scope ON scope.id = key.scope_id WHERE key.prefix = %s::text"
    )
    return statement, key_fields, scope_fields


def authenticate_key(plaintext: str, *, at: datetime) -> ApiKey | None:
    """The valid key with its scope; None for anything else. One indexed query; the last use is stored once a minute."""
    identity = key_identity(plaintext)
    return None if identity is None else authenticate_keys({identity}, at=at).get(identity)


def authenticate_keys(identities: AbstractSet[tuple[str, str]], *, at: datetime) -> dict[tuple[str, str], ApiKey]:
    """As `authenticate_key`, of several identities by one query; those that are no valid key's are left out."""
    stored = _stored_keys({prefix for prefix, _ in identities})
    keys = {
        (prefix, digest): key
        for prefix, digest in identities
        if (key := stored.get(prefix)) is not None and hmac.compare_digest(key.digest, digest) and key.valid_at(at)
    }
    for key in keys.values():
        if key.last_used_at is None or key.last_used_at <= at - LAST_USE_RESOLUTION:
            stale = Q(last_used_at=None) | Q(last_used_at__lte=at - LAST_USE_RESOLUTION)
            ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)
            key.last_used_at = at
    return keys

"""The same decision from the database, in one prepared statement: what `policies.decisions.engine.deciding` is held to,
and what answers where the web process is asked without the decisions process before it.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection
from django.db.utils import InterfaceError
from psycopg import Cursor
from psycopg import InterfaceError as DriverInterfaceError
from psycopg import OperationalError as DriverOperationalError

from allocation.attribution.documents import WEIR_KEY
from allocation.meters.documents import Fault
from allocation.usage.operations import pricing_context_for
from governance.errors import NotFound
from governance.people.engine import key_identity
from governance.people.operations import LAST_USE_RESOLUTION, authenticate_key
from governance.scopes.engine import is_at_or_below, lineage_of
from governance.scopes.queries import scope_tree
from policies.decisions.documents import PlannedCall
from policies.decisions.engine.decisions import Decision, HeldConstraint, decision_of
from policies.decisions.errors import KeyRefused, permission_missing, scope_unknown
from policies.decisions.queries.tables import held_constraint

# It repeats `ApiKey.valid_at`, `ApiKey.has_permission` and `Constraint.objects.in_force`; tests compare them.
STATEMENT = """
SELECT key.digest,
       key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > %(at)s),
       key.permissions && ARRAY['decisions:read', 'admin']::varchar[],
       key_scope.path,
       scope.id IS NOT NULL,
       key.last_used_at IS NULL OR key.last_used_at <= %(used_before)s,
       (SELECT mark.last_received_at
          FROM allocation_ingestwatermark mark JOIN governance_scope root ON root.id = mark.scope_id
         WHERE root.path = %(root)s),
       (SELECT max(beat_at) FROM governance_heartbeat WHERE name IN ('policies.evaluation', 'policies.sweep')),
       (SELECT json_agg(json_build_array(above.path, held.id, held.scope_id, held.guardrail, held.step,
                                         held.action, held.models, held.evidence, held.reason, held.expires_at)
                         ORDER BY length(above.path), held.id)
          FROM policies_constraint held JOIN governance_scope above ON above.id = held.scope_id
         WHERE above.path = ANY(%(lineage)s) AND held.status = 'active'
           AND held.expires_at > %(at)s)
  FROM (SELECT 1) one
  LEFT JOIN governance_apikey key ON key.prefix = %(prefix)s
  LEFT JOIN governance_scope key_scope ON key_scope.id = key.scope_id
  LEFT JOIN governance_scope scope ON scope.path = %(path)s
"""


def decide(*, scope_path: str, model: str, at: datetime) -> Decision:
    """What a gateway is answered for the scope now. Raises NotFound (`scope_unknown`)."""
    row = _ask("", scope_path, at)
    if not row[4]:
        raise scope_unknown(scope_path)
    return _decision(row, model, at)


def decide_for_key(*, plaintext: str, scope_path: str, model: str, at: datetime) -> Decision:
    """As `decide`, for the holder of a key; a scope outside the key's subtree is unknown.

    Raises KeyRefused, Forbidden (`permission_missing`), NotFound (`scope_unknown`).
    """
    identity = key_identity(plaintext)
    if identity is None:
        raise KeyRefused
    prefix, digest = identity
    row = _ask(prefix, scope_path, at)
    known_digest, is_valid, is_permitted, key_path, is_known, is_use_to_be_noted = row[:6]
    if known_digest is None or not hmac.compare_digest(known_digest, digest) or not is_valid:
        raise KeyRefused
    if not is_permitted:
        raise permission_missing()
    if not is_known or not is_at_or_below(scope_path, key_path):
        raise scope_unknown(scope_path)
    if is_use_to_be_noted:
        authenticate_key(plaintext, at=at)
    return _decision(row, model, at)


def attributed_path(*, plaintext: str, call: PlannedCall, at: datetime) -> str:
    """The scope on which the call's usage will land when the holder of the key posts it: that of the key or rule that
    matches, else a narrow key's own, else the organisation's unattributed one.

    Raises KeyRefused, NotFound (`scope_unknown`) where its attributes lead out of the key's subtree.
    """
    key = authenticate_key(plaintext, at=at)
    if key is None:
        raise KeyRefused
    context = pricing_context_for(key_scope_id=key.scope_id, at=at)
    if context.home is not None and context.home.matcher.reads_weir_key:
        call = replace(call, attributes={**call.attributes, WEIR_KEY: key.prefix})
    attributed = context.attributed_scope(call, at.timestamp())
    if isinstance(attributed, Fault):
        raise NotFound(attributed.message, code="scope_unknown")
    return scope_tree().by_id[attributed[0]].path


def _ask(prefix: str, path: str, at: datetime) -> tuple[Any, ...]:
    lineage = lineage_of(path)
    values: dict[str, Any] = {"prefix": prefix, "path": path, "root": lineage[0], "lineage": lineage, "at": at}
    values["used_before"] = at - LAST_USE_RESOLUTION
    try:
        return _execute(values)
    except (DriverOperationalError, DriverInterfaceError):
        if connection.in_atomic_block:
            raise
        # The server was restarted under a kept connection: once more on a new one.
        connection.close()
    try:
        return _execute(values)
    except (DriverOperationalError, DriverInterfaceError) as problem:
        raise OperationalError(str(problem)) from problem


def _execute(values: dict[str, Any]) -> tuple[Any, ...]:
    if connection.connection is None:
        connection.connect()
    if connection.connection is None:
        raise InterfaceError("no connection")
    # Django switches psycopg's server-side statements off; its own cursors never use them, this one must.
    connection.connection.prepare_threshold = 0
    cursor: Cursor[tuple[Any, ...]] = Cursor(connection.connection)
    row = cursor.execute(STATEMENT, values, prepare=True).fetchone()
    cursor.close()
    if row is None:
        raise InterfaceError("no answer")
    return row


def _decision(row: tuple[Any, ...], model: str, at: datetime) -> Decision:
    last_received_at, evaluated_at, rows = row[6:]
    return decision_of(
        [_held(*values) for values in rows or ()],
        model=model,
        evaluated_at=evaluated_at,
        last_received_at=last_received_at,
        at=at,
    )


def _held(path: str, *values: Any) -> tuple[str, HeldConstraint]:
    number, scope_id, guardrail, step, action, models, evidence, reason, expires_at = values
    held = held_constraint(
        number, scope_id, guardrail, step, action, models, evidence, reason,
        datetime.fromisoformat(expires_at), expires_at,
    )  # fmt: skip
    return path, held

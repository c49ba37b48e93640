"""Two roles of the database: the owner of the tables, who migrates, and the application, which may do what it does and
no more. So what is append-only binds the application too: no fault in it, and nobody who speaks through it, changes or
removes what was written, or switches off a trigger that refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pgtrigger
from django.apps import apps
from django.conf import settings
from django.db import connection, connections, transaction
from psycopg import sql

from allocation.usage.models import RECORD_TABLE
from config.findings import Finding, Findings
from governance.work.engine.locks import INSTALL_LOCK
from governance.work.operations import hold

MIGRATIONS_TABLE = "django_migrations"
REFUSING = "RAISE EXCEPTION"
SCHEMAS = ("public", "pgmq")
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
WRITTEN = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})

# A partition is reached through its whole; only what lies in no week is read and deleted by its own name.
TABLES = """
    SELECT n.nspname, c.relname,
        array(SELECT r FROM unnest(%(rights)s::text[]) AS r WHERE has_table_privilege(%(role)s::name, c.oid, r))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p')
        AND (NOT c.relispartition OR c.relname LIKE '%%\\_rest')
    ORDER BY 1, 2
"""
SEQUENCES = """
    SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s)
        AND CASE WHEN c.relkind = 'S' THEN NOT (
            has_sequence_privilege(%(role)s::name, c.oid, 'USAGE')
            AND has_sequence_privilege(%(role)s::name, c.oid, 'SELECT')
        ) ELSE false END
"""
USED_SCHEMAS = """
    SELECT nspname FROM pg_namespace
    WHERE nspname = ANY(%(schemas)s) AND NOT has_schema_privilege(%(role)s::name, oid, 'USAGE')
"""
# What runs with the owner's rights is nobody's but the application's.
OPEN_FUNCTIONS = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prosecdef AND proname LIKE 'weir\\_%%'
        AND (
            NOT has_function_privilege(%(role)s::name, oid, 'EXECUTE') OR proacl IS NULL
            OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)
        )
"""
OWN_ROLE = """
    SELECT r.rolname, r.rolsuper, coalesce(pg_has_role(r.oid, c.relowner, 'USAGE'), false)
    FROM pg_roles AS r LEFT JOIN pg_class AS c ON c.oid = to_regclass('public.governance_decisionrecord')
    WHERE r.rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """Of the role that a connection has."""

    role: str
    is_superuser: bool
    owns_tables: bool


def own_role() -> DatabaseRole:
    """Of this connection's role."""
    with connection.cursor() as cursor:
        cursor.execute(OWN_ROLE)
        return DatabaseRole(*cursor.fetchone())


@contextmanager
def as_owner() -> Iterator[None]:
    """What is done inside is done by the owner of the tables, where that is another role than the application's."""
    owner = settings.OWNER_DATABASE
    if owner is None:
        yield
        return
    main = connections["default"]
    before = {name: main.settings_dict[name] for name in owner}
    main.close()
    main.settings_dict.update(owner)
    try:
        yield
    finally:
        main.close()
        main.settings_dict.update(before)


def rights_by_table() -> dict[str, frozenset[str]]:
    """What the application may do to tables of which it may not change or delete every row: append-only tables, as
    their triggers say, and raw usage, which has none since they would cost each record.
    """
    refused = {RECORD_TABLE: {"UPDATE", "DELETE"}, MIGRATIONS_TABLE: {"INSERT", "UPDATE", "DELETE"}}
    for model in apps.get_models():
        options: Any = model._meta  # noqa: SLF001  # Django's documented name
        for trigger in getattr(options, "triggers", ()):
            if _refuses_always(trigger, model):
                words = {word.strip().upper() for word in str(trigger.operation).split(" OR ")}
                refused.setdefault(options.db_table, set()).update(words & {"UPDATE", "DELETE"})
    return {table: WRITTEN - words for table, words in refused.items() if words}


def _refuses_always(trigger: pgtrigger.Trigger, model: Any) -> bool:
    """Whether it lets no row pass."""
    if trigger.when != pgtrigger.Before or trigger.render_condition(model):
        return False
    return str(trigger.get_func(model)).lstrip().startswith(REFUSING)


def grant_application() -> int:
    """Gives the application's role what it lacks, and takes what it should not have; returns how many statements that
    took. Nothing where the application is the owner itself.
    """
    role = application_role()
    with as_owner():
        return 0 if role == own_role().role else grant(role)


def application_role() -> str:
    """By which name the application connects."""
    return str(settings.APPLICATION_ROLE) or own_role().role


@transaction.atomic
def grant(role: str) -> int:
    """As the owner: what `lacking` says; returns how many statements that took."""
    hold(INSTALL_LOCK)
    with connection.cursor() as cursor:
        statements = list(lacking(role))
        for statement in statements:
            cursor.execute(statement)
    return len(statements)


def lacking(role: str) -> Iterator[sql.Composed]:
    """What is to be said so that the role has its rights and no others; nothing when it has them."""
    to = sql.Identifier(role)
    wanted = rights_by_table()
    for (name,) in _rows(USED_SCHEMAS, role):
        yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(name), to)
    for schema, name, has in _rows(TABLES, role):
        table = sql.Identifier(schema, name)
        rights = wanted.get(name, WRITTEN) if schema == "public" else WRITTEN
        if missing := rights - set(has):
            yield sql.SQL("GRANT {} ON {} TO {}").format(_words(missing), table, to)
        if excess := set(has) - rights:
            yield sql.SQL("REVOKE {} ON {} FROM {}").format(_words(excess), table, to)
    for schema, name in _rows(SEQUENCES, role):
        yield sql.SQL("GRANT USAGE, SELECT ON SEQUENCE {} TO {}").format(sql.Identifier(schema, name), to)
    for (function,) in _rows(OPEN_FUNCTIONS, role):
        yield sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(sql.SQL(function))
        yield sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), to)


def _rows(statement: str, role: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"role": role, "schemas": list(SCHEMAS), "rights": list(RIGHTS)})
        return list(cursor.fetchall())


def _words(rights: Iterable[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL(word) for word in sorted(rights))


def examine() -> Findings:
    """Whether the application has a role of its own, with its rights and no others."""
    own = own_role()
    apart = "give the tables to a role of their own (WEIR_OWNER_DATABASE_URL; see the runbook, *Two roles*)"
    if own.is_superuser:
        yield Finding(
            is_fine=False,
            sentence=f"The application is PostgreSQL's superuser {own.role}, whom nothing append-only binds: {apart}.",
        )
    elif own.owns_tables:
        yield Finding(
            is_fine=True, is_note=True,
            sentence=f"The application owns its tables as {own.role}, and could switch off what makes them append-only:"
            f" {apart}.",
        )  # fmt: skip
    elif wrong := list(lacking(own.role)):
        yield Finding(
            is_fine=False,
            sentence=f"{len(wrong)} right(s) of the application's role {own.role} are not as they should be:"
            " run `weir migrate`.",
        )
    else:
        yield Finding(
            is_fine=True, sentence=f"The application's role {own.role} owns no table: append-only binds it too."
        )

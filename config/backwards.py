"""Migrations that would empty data do not run backwards."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.operations import AddField, CreateModel, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Added:
    """A column that a migration adds."""

    name: str
    field: Any


def refuse_to_empty(plan: Sequence[tuple[Migration, bool]], **_signal: object) -> None:
    """For Django's signal before migrations. CommandError when some of `plan` run backwards and would drop tables or
    columns that hold something: nothing has happened then. A column holds nothing where each row has what going forward
    again would give it.
    """
    dropped = dict.fromkeys(
        what for migration, is_backwards in plan if is_backwards for what in _dropped(migration, migration.operations)
    )
    held = [
        f"{table}.{field.name}" if field else table
        for table, field in dropped
        if _holds_rows(table) and (field is None or _holds_other_values(table, field))
    ]
    if held:
        raise CommandError(
            f"Going back would empty {', '.join(sorted(held))}. Nothing was changed. An older version starts from a"
            " backup that it made (`weir restore`)."
        )


def _dropped(migration: Migration, operations: Iterable[Operation]) -> Iterator[tuple[str, Added | None]]:
    """Table and column of what going back drops; None for a whole table."""
    for operation in operations:
        match operation:
            case CreateModel():
                yield _table(migration, operation.name, operation.options.get("db_table")), None
            case AddField():
                yield _table(migration, operation.model_name), Added(operation.name, operation.field)
            case SeparateDatabaseAndState():
                yield from _dropped(migration, operation.database_operations)
            case _:
                pass


def _table(migration: Migration, model: str, named: object = None) -> str:
    return str(named or f"{migration.app_label}_{model.lower()}")


def _holds_rows(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table)))
        return bool(cursor.fetchone()[0])


def _holds_other_values(table: str, added: Added) -> bool:
    """Whether some row has another value than the field's default."""
    field = added.field
    column = field.db_column or (f"{added.name}_id" if field.is_relation else added.name)
    has_default = field.has_default() and not field.is_relation
    default = field.get_db_prep_save(field.get_default(), connection) if has_default else None
    statement = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {} IS DISTINCT FROM %s)").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [default])
        return bool(cursor.fetchone()[0])

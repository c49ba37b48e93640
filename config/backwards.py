"""Migrations that would empty data do not run backwards."""

from collections.abc import Iterable, Iterator, Sequence

from django.core.management import CommandError
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.operations import AddField, CreateModel, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from psycopg import sql


def refuse_to_empty(plan: Sequence[tuple[Migration, bool]], **_signal: object) -> None:
    """For Django's signal before migrations. CommandError when some of `plan` run backwards and would drop tables or
    columns that hold something: nothing has happened then.
    """
    dropped = dict.fromkeys(
        what for migration, is_backwards in plan if is_backwards for what in _dropped(migration, migration.operations)
    )
    held = [f"{table}.{column}" if column else table for table, column in dropped if _holds_rows(table)]
    if held:
        raise CommandError(
            f"Going back would empty {', '.join(sorted(held))}. Nothing was changed. An older version starts from a"
            " backup that it made (`weir restore`)."
        )


def _dropped(migration: Migration, operations: Iterable[Operation]) -> Iterator[tuple[str, str]]:
    """Table and column of what going back drops; the column is empty for a whole table."""
    for operation in operations:
        match operation:
            case CreateModel():
                yield _table(migration, operation.name, operation.options.get("db_table")), ""
            case AddField():
                yield _table(migration, operation.model_name), operation.name
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

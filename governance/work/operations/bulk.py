"""Inserting many rows with one statement."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, models, transaction
from psycopg import sql


@transaction.atomic
def copy_rows(rows: Sequence[models.Model]) -> None:
    """Inserts rows of one model by COPY, several times as fast as `bulk_create`. Triggers and constraints apply.

    Conflicts are not ignored, and rows without a primary key do not learn the one they get.
    """
    if not rows:
        return
    meta = rows[0]._meta  # noqa: SLF001  # Django's public introspection, whatever its name.
    fields = [field for field in meta.concrete_fields if not field.primary_key or rows[0].pk is not None]
    columns = [sql.Identifier(field.db_column or field.attname) for field in fields]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(meta.db_table), sql.SQL(", ").join(columns))
    # Django turns the driver's errors into its own for statements only.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            row._prepare_related_fields_for_save(  # type: ignore[attr-defined]  # noqa: SLF001  # As `bulk_create` does.
                operation_name="copy_rows"
            )
            copy.write_row([field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields])

"""Many rows in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, models, transaction
from psycopg import sql


@transaction.atomic
def copy_rows(rows: Sequence[models.Model]) -> None:
    """Inserts rows of one model by COPY, several times as fast as `bulk_create`. Triggers and constraints hold as ever.

    No conflict is passed over, and a row without a primary key is not told the one it gets.
    """
    if not rows:
        return
    meta = rows[0]._meta  # noqa: SLF001  # Django's public introspection, whatever its name.
    fields = [field for field in meta.concrete_fields if not field.primary_key or rows[0].pk is not None]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(meta.db_table), sql.SQL(", ").join(sql.Identifier(field.column) for field in fields)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            row._prepare_related_fields_for_save(operation_name="copy_rows")  # noqa: SLF001  # As `bulk_create` does.
            copy.write_row([field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields])

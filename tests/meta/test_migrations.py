"""Going back is refused where it would empty something: what a migration does must be of a kind that is looked at."""

from collections.abc import Iterable, Iterator

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

OURS = ("governance", "allocation", "budgets", "policies", "reporting", "config")
# Backwards these drop a table or a column: config/backwards.py asks what they hold.
LOOKED_AT = {"CreateModel", "AddField", "SeparateDatabaseAndState"}
# Backwards these change no row: constraints, indexes and triggers, and widths and choices, of which PostgreSQL refuses
# what does not fit.
HARMLESS = {
    "AddConstraint", "RemoveConstraint", "AddIndex", "RemoveIndex", "AddTrigger", "RemoveTrigger", "AlterField",
    "AlterModelOptions",
}  # fmt: skip
EMPTYING = ("DROP TABLE", "DROP COLUMN", "TRUNCATE", "DELETE FROM", "UPDATE ")


def own_migrations() -> Iterator[Migration]:
    for (app, _name), migration in sorted(MigrationLoader(None, ignore_no_migrations=True).disk_migrations.items()):
        if app in OURS:
            yield migration


def unfolded(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        yield operation
        if isinstance(operation, SeparateDatabaseAndState):
            yield from unfolded(operation.database_operations)


def is_safe(operation: Operation) -> bool:
    match operation:
        case RunSQL():
            return not any(word in str(operation.reverse_sql).upper() for word in EMPTYING)
        case RunPython():
            return operation.reverse_code in (None, RunPython.noop)
        case _:
            return type(operation).__name__ in LOOKED_AT | HARMLESS


def test_every_operation_is_one_that_going_back_is_refused_over_or_that_empties_nothing() -> None:
    found = [
        (str(migration), operation) for migration in own_migrations() for operation in unfolded(migration.operations)
    ]
    assert {type(operation).__name__ for _, operation in found} >= LOOKED_AT | {"RunSQL", "RunPython"}
    assert [(name, operation) for name, operation in found if not is_safe(operation)] == []


def test_an_operation_that_would_empty_something_is_seen() -> None:
    assert not is_safe(RunSQL("", "DROP TABLE allocation_usagerecord"))
    assert not is_safe(RunPython(RunPython.noop, lambda _apps, _editor: None))

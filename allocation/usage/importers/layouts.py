"""Whether a file has the columns that a mapping needs. A column that is not there is no empty cell."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from allocation.usage.documents import (
    Choose,
    Column,
    Columns,
    FieldSpec,
    First,
    PrefixBlocks,
    Term,
    Total,
    UsageMapping,
    terms_of,
)
from allocation.usage.importers.cells import Record, has_column
from allocation.usage.importers.told_columns import named_columns, told_columns
from governance.errors import Invalid

# Columns of which one must be there.
Needed = tuple[str, ...]
# No identity, price or scope depends on them.
INCIDENTAL = frozenset({"attributes", "session_id", "task_id", "latency_ms"})
TABULAR = frozenset({"csv", "parquet"})
COLUMNS_SHOWN = 40


def needed_columns(mapping: UsageMapping, *, tabular: bool) -> tuple[Needed, ...]:
    """What a file must have for the mapping to be meant for it. A table names all its columns; the records of JSON
    leave out what is empty, so that of a sum or an identity one column is enough.
    """
    needed: list[Needed] = [(column,) for column in (*mapping.only_when, *mapping.skip_when)]
    if mapping.pivot is not None:
        needed += _of(mapping.pivot.names, tabular=tabular)
        needed += [(column,) for column in (*mapping.pivot.sums, *mapping.pivot.by)]
    for field, spec in mapping.fields.items():
        if field.partition(".")[0] not in INCIDENTAL:
            needed += _of(spec, tabular=tabular)
    return tuple(dict.fromkeys(group for group in needed if not _is_pivoted(group, mapping)))


def _is_pivoted(group: Needed, mapping: UsageMapping) -> bool:
    """Whether a pivot makes one of the columns."""
    sums = mapping.pivot.sums if mapping.pivot else ()
    return any(column.endswith(f".{name}") for column in group for name in sums)


def _of(spec: FieldSpec | Term, *, tabular: bool) -> list[Needed]:
    columns: list[Needed] = []
    match spec:
        case str(column) | PrefixBlocks(prefix_blocks=column) | Choose(by_column=str(column)):
            columns = [(column,)]
        case Column(column=column, optional=False, default=None):
            columns = [(column,)]
        case First():
            columns = _any_of([_of(part, tabular=tabular) for part in spec.first])
        case Columns() | Total() if not tabular:
            columns = _any_of([_of(part, tabular=tabular) for part in terms_of(spec)])
        case _:
            columns = [group for part in terms_of(spec) for group in _of(part, tabular=tabular)]
    return columns


def _any_of(parts: Sequence[list[Needed]]) -> list[Needed]:
    """One of the parts is enough; nothing is needed where one needs nothing."""
    return [] if not all(parts) else [tuple(column for groups in parts for group in groups for column in group)]


def missing_from(columns: Collection[str], needed: Iterable[Needed]) -> list[Needed]:
    """What a table with these columns lacks; of a nested column its first name is enough."""
    return [group for group in needed if not any(name in columns for column in group for name in _names(column))]


def missing_from_all(rows: Sequence[Record], needed: Iterable[Needed]) -> list[Needed]:
    """What none of the records has."""
    return [group for group in needed if not any(has_column(row, column) for row in rows for column in group)]


def _names(column: str) -> Iterator[str]:
    yield column
    if "." in column:
        yield column.partition(".")[0]


def refused_layout(file_name: str, missing: Sequence[Needed], columns: Iterable[str]) -> Invalid:
    """The error for a file of another layout."""
    lacking = ", ".join(" or ".join(group) for group in missing)
    names = list(columns)
    return Invalid(
        f"{file_name} lacks {'the column' if len(missing) == 1 else 'columns'} that the mapping needs: {lacking}."
        f" Nothing was imported. Its columns are {named_columns(names, shown_max=COLUMNS_SHOWN)}. Choose the mapping of"
        " this export, or give a column that may be absent a default, or optional: true.",
        code="csv_column",
        columns=told_columns(names),
    )


class LayoutOfRecords:
    """The check of a file whose records name their columns themselves: once, by the first that the mapping is for."""

    def __init__(self, file_name: str, mapping: UsageMapping) -> None:
        self._file_name = file_name
        self._conditions = [(column,) for column in (*mapping.only_when, *mapping.skip_when)]
        self._needed = needed_columns(mapping, tabular=False)

    def check(self, rows: Sequence[Record], wanted: Sequence[Record]) -> None:
        """Raises Invalid (`csv_column`) for a column that none of the rows has; `wanted` are those not passed over."""
        missing: list[Needed] = []
        if self._conditions and rows:
            missing, self._conditions = missing_from_all(rows, self._conditions), []
        if self._needed and wanted and not missing:
            missing, self._needed = missing_from_all(wanted, self._needed), ()
        if missing:
            raise refused_layout(self._file_name, missing, rows[0])

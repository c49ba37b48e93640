"""The rows of one mapped file as events: read, told apart, and passed over or refused where they must be."""

from collections.abc import Container, Sequence

from allocation.meters.documents import Fault
from allocation.usage.documents import Column, Columns, First, Stated, UsageMapping
from allocation.usage.importers.cells import PivotedRecord, Record
from allocation.usage.importers.incoming import Incoming
from allocation.usage.importers.layouts import LayoutOfRecords
from allocation.usage.importers.mapped import row_filter, translator
from allocation.usage.importers.row_identities import IdentitiesOfFile
from allocation.usage.importers.statements import state, tell_apart
from allocation.usage.importers.tables import RowTooLong

ROW_TOO_LONG = Fault(
    "row_too_long",
    "The row has more cells than the file has columns, so that it cannot be told which is which. Quote cells that hold"
    " the delimiter, such as a decimal comma.",
)


class MappedReader:
    """Reads the batches of one file in their order."""

    def __init__(self, mapping: UsageMapping, *, file_name: str, source: str | None = None) -> None:
        self._translate = translator(mapping, source=source)
        self._is_wanted = row_filter(mapping)
        self._statement = mapping.statement
        self._is_listed = row_filter(mapping.model_copy(update={"skip_when": {}}))
        self._time_of = translator(
            mapping.model_copy(update={"fields": {"occurred_at": mapping.fields["occurred_at"]}}), source=source
        )
        self._layout = LayoutOfRecords(file_name, mapping)
        # Other identities are told apart in a file by themselves, and one call may be several rows of its own id.
        is_stated = mapping.identity == "id_and_time" and isinstance(mapping.fields["id"], Column | Columns | First)
        self._identities = IdentitiesOfFile() if is_stated else None

    def read(self, batch: Sequence[tuple[int, object]]) -> Incoming:
        """The batch's events and refused records. Raises Invalid (`csv_column`) for a file of another layout."""
        incoming = Incoming()
        rows: list[tuple[int, dict[str, object]]] = []
        for index, record in batch:
            if isinstance(record, RowTooLong):
                incoming.refuse(index, ROW_TOO_LONG, record)
            elif (row := incoming.object_of(index, record)) is not None:
                rows.append((index, row))
        wanted = [(index, row) for index, row in rows if isinstance(row, PivotedRecord) or self._is_wanted(row)]
        self._layout.check([row for _, row in rows], [row for _, row in wanted])
        incoming.passed_over = len(rows) - len(wanted)
        if self._statement is not None:
            self._state_nothing(incoming, rows, {index for index, _ in wanted}, self._statement)
        for index, row in wanted:
            self._take(incoming, index, row)
        return incoming

    def _state_nothing(
        self, incoming: Incoming, rows: Sequence[tuple[int, Record]], wanted: Container[int], statement: Stated
    ) -> None:
        """A row without a quantity says that there was none: what an earlier file said of it is replaced too."""
        for index, row in rows:
            if index not in wanted and self._is_listed(row):
                state(incoming, self._time_of(row, index + 1)[0], row, statement)

    def _take(self, incoming: Incoming, index: int, row: dict[str, object]) -> None:
        event, fault = self._translate(row, index + 1)
        if self._statement is not None:
            incoming.accounts[index] = state(incoming, event, row, self._statement)
        if isinstance(row, PivotedRecord) and row.unread:
            fault = fault or Fault(
                "unknown_value",
                "It has a quantity of a name that the mapping reads nowhere. Read it as NAME.COLUMN, or list the name"
                " in pivot.ignore.",
                "tokens",
            )
        if fault is None and self._identities is not None:
            fault = self._identities.reused(event, row)
        if fault is None:
            if self._statement is not None:
                tell_apart(event)
            incoming.take_data(index, event)
        else:
            incoming.refuse_data(index, fault, event)

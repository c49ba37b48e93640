"""A whole FOCUS file in, batch by batch; one that was broken off goes on where it stopped."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from allocation.focus.engine.columns import VERSIONS, Version, recognise
from allocation.focus.engine.reading import Reader
from allocation.focus.importers.files import FocusFile, opened
from allocation.focus.models import FocusImport
from allocation.focus.operations import (
    IncomingRow,
    fail_focus_import,
    finish_focus_import,
    record_focus_rows,
    start_focus_import,
)
from allocation.usage.importers.files import digest_of
from allocation.usage.models import ImportStatus
from governance.errors import Invalid
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 2_000
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class FocusOrder:
    """`scope` is the top of the subtree the rows may go to. `version` None: as the columns tell."""

    path: Path
    scope: Scope
    version: Version | None = None
    by: str = "command line"


def version_of(columns: tuple[str, ...], stated: str | None, name: str) -> Version:
    if stated is not None:
        for version in VERSIONS:
            if version == stated:
                return version
        raise Invalid(f"{stated} is no version of FOCUS known here: {', '.join(VERSIONS)}.", code="version_unknown")
    found = recognise(columns)
    if found is None:
        raise Invalid(
            f"{name} does not look like FOCUS: too few of its columns are. --version says which it is.",
            code="version_unknown",
        )
    return found


def import_focus_file(
    order: FocusOrder, *, now: Clock, progress: Callable[[int, int], None] = lambda _done, _count: None
) -> FocusImport:
    with opened(order.path) as file:
        table = file.table
        run = start_focus_import(
            scope=order.scope,
            file_name=order.path.name,
            file_digest=digest_of(order.path),
            size_bytes=order.path.stat().st_size,
            file_format=table.format,
            version=version_of(table.columns, order.version, order.path.name),
            columns=table.columns,
            column_types=table.types,
            by=order.by,
            at=now(),
        )
        if run.status == ImportStatus.FINISHED:
            return run
        try:
            _bring_in(order, run, file, now, progress)
        except BaseException as problem:
            fail_focus_import(import_id=run.pk, error=type(problem).__name__)
            raise
    return finish_focus_import(import_id=run.pk, at=now())


def _bring_in(
    order: FocusOrder, run: FocusImport, file: FocusFile, now: Clock, progress: Callable[[int, int], None]
) -> None:
    reader = Reader(file.table.columns, currency=scope_tree().by_id[order.scope.pk].currency)
    rows = _numbered(reader, file)
    while batch := list(islice(rows, BATCH)):
        done = batch[-1].number
        if done > run.rows_done:
            record_focus_rows(import_id=run.pk, reader=reader, rows=batch, at=now())
        progress(done, file.table.count)


def _numbered(reader: Reader, file: FocusFile) -> Iterator[IncomingRow]:
    """All of them, also those done already: which of its equals a row is, is told by those before it."""
    seen: Counter[bytes] = Counter()
    for number, cells in enumerate(file.rows(), 1):
        digest = reader.digest(cells)
        key = bytes.fromhex(digest[:32])
        seen[key] += 1
        yield IncomingRow(number, cells, digest, seen[key])

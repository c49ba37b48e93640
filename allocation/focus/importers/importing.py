"""Imports a whole FOCUS file batch by batch; an interrupted import continues where it stopped."""

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
class FocusImportRequest:
    """What to import. `scope` is the top of the subtree the rows may go to. Without `version` the columns decide."""

    path: Path
    scope: Scope
    version: Version | None = None
    by: str = "command line"


def version_of(columns: tuple[str, ...], stated: str | None, name: str) -> Version:
    """The stated version, else the one recognised by the columns. Raises Invalid (`version_unknown`)."""
    if stated is not None:
        for version in VERSIONS:
            if version == stated:
                return version
        raise Invalid(f"{stated} is not a known version of FOCUS: {', '.join(VERSIONS)}.", code="version_unknown")
    recognised = recognise(columns)
    if recognised is None:
        raise Invalid(
            f"{name} does not look like FOCUS: it has too few of its columns. Give its version with --version.",
            code="version_unknown",
        )
    return recognised


def import_focus_file(
    request: FocusImportRequest, *, now: Clock, progress: Callable[[int, int], None] = lambda _done, _count: None
) -> FocusImport:
    """Imports the file; a file already imported into the scope is not imported again. Raises Invalid (`file_missing`,
    `file_unreadable`, `file_empty`, `version_unknown`).
    """
    with opened(request.path) as file:
        table = file.table
        run = start_focus_import(
            scope=request.scope,
            file_name=request.path.name,
            file_digest=digest_of(request.path),
            size_bytes=request.path.stat().st_size,
            file_format=table.format,
            version=version_of(table.columns, request.version, request.path.name),
            columns=table.columns,
            column_types=table.types,
            by=request.by,
            at=now(),
        )
        if run.status == ImportStatus.FINISHED:
            return run
        try:
            _import_batches(request, run, file, now, progress)
        except BaseException as problem:
            fail_focus_import(import_id=run.pk, error=type(problem).__name__)
            raise
    return finish_focus_import(import_id=run.pk, at=now())


def _import_batches(
    request: FocusImportRequest, run: FocusImport, file: FocusFile, now: Clock, progress: Callable[[int, int], None]
) -> None:
    reader = Reader(file.table.columns, currency=scope_tree().by_id[request.scope.pk].currency)
    rows = _numbered(reader, file)
    while batch := list(islice(rows, BATCH)):
        done = batch[-1].number
        if done > run.rows_done:
            record_focus_rows(import_id=run.pk, reader=reader, rows=batch, at=now())
        progress(done, file.table.count)


def _numbered(reader: Reader, file: FocusFile) -> Iterator[IncomingRow]:
    """All rows, also those imported already: equal rows are told apart by how many came before."""
    counts: Counter[bytes] = Counter()
    for number, cells in enumerate(file.rows(), 1):
        digest = reader.digest(cells)
        key = bytes.fromhex(digest[:32])
        counts[key] += 1
        yield IncomingRow(number, cells, digest, counts[key])

"""Imports a whole FOCUS file batch by batch; an interrupted import continues where it stopped."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from allocation.focus.engine.columns import VERSIONS, Version, recognise
from allocation.focus.engine.reading import Reader
from allocation.focus.importers.files import FocusFile, opened
from allocation.focus.models import FocusImport
from allocation.focus.operations import (
    DIGEST_BYTES,
    AccountPeriod,
    IncomingRow,
    Replacement,
    Statement,
    count_waiting_charges,
    fail_focus_import,
    finish_focus_import,
    record_focus_rows,
    root_of,
    start_focus_import,
)
from allocation.usage.importers.files import digest_of
from allocation.usage.models import ImportStatus
from governance.errors import DomainError, Invalid
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 2_000
# How many rows leave at a time.
REPLACED = 1_000
Clock = Callable[[], datetime]
# (rows done, rows of the file)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FocusImportRequest:
    """What to import. `scope` is the top of the subtree the rows may go to. Without `version` the columns decide.

    A file states the billing periods of its accounts whole: what an earlier file stated of them and this one does not
    is taken back. `is_additional`: its rows stand beside those that are there. `again`: a file whose statement was
    replaced counts again.
    """

    path: Path
    scope: Scope
    version: Version | None = None
    by: str = "command line"
    is_additional: bool = False
    again: bool = False


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
    request: FocusImportRequest, *, now: Clock, progress: Progress = lambda _done, _count: None
) -> FocusImport:
    """Imports the file. One already imported into the scope is not imported again, but its charges that could not be
    counted are tried again. Raises Invalid (`file_missing`, `file_unreadable`, `file_empty`, `version_unknown`).
    """
    [run] = import_focus_delivery([request], now=now, progress=progress)
    return run


def import_focus_delivery(
    requests: Sequence[FocusImportRequest], *, now: Clock, progress: Progress = lambda _done, _count: None
) -> list[FocusImport]:
    """Imports files that were delivered together, such as the parts of one export: together they state the billing
    periods of their accounts. Raises as `import_focus_file`, before anything is imported.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(opened(request.path)) for request in requests]
        runs = [_started(request, file, now()) for request, file in zip(requests, files, strict=True)]
        delivery = _Delivery(requests, files, runs)
        if any(run.status != ImportStatus.FINISHED for run in runs):
            delivery.bring_in(now, progress)
    actor = Actor.system(requests[0].by)
    for run in runs:
        if run.status == ImportStatus.FINISHED and run.counts:
            count_waiting_charges(actor=actor, import_id=run.pk, at=now())
    return [FocusImport.objects.get(pk=run.pk) for run in runs]


def _started(request: FocusImportRequest, file: FocusFile, at: datetime) -> FocusImport:
    return start_focus_import(
        scope=request.scope,
        file_name=request.path.name,
        file_digest=digest_of(request.path),
        size_bytes=request.path.stat().st_size,
        file_format=file.table.format,
        version=version_of(file.table.columns, request.version, request.path.name),
        columns=file.table.columns,
        column_types=file.table.types,
        by=request.by,
        is_additional=request.is_additional,
        again=request.again,
        at=at,
    )


class _Delivery:
    """Files delivered together, with their imports."""

    def __init__(
        self, requests: Sequence[FocusImportRequest], files: Sequence[FocusFile], runs: Sequence[FocusImport]
    ) -> None:
        self.requests, self.files, self.runs = requests, files, runs
        currencies = [scope_tree().by_id[request.scope.pk].currency for request in requests]
        self.readers = [
            Reader(file.table.columns, currency=currency) for file, currency in zip(files, currencies, strict=True)
        ]
        self.ids = [run.pk for run in runs]

    def bring_in(self, now: Clock, progress: Progress) -> None:
        """What the delivery no longer states leaves batch by batch as the new rows come, so that a budget sees neither
        both nor nothing for longer than a batch takes.
        """
        replacement = Replacement(
            self._statement(), self.runs[-1], organisation_id=root_of(self.runs[0]),
            actor=Actor.system(self.requests[0].by),
        )  # fmt: skip
        self._check_kept(replacement)
        gone = replacement.gone(self.ids)
        counts: Counter[bytes] = Counter()
        for run, reader, file in zip(self.runs, self.readers, self.files, strict=True):
            rows = _numbered(reader, file, counts)
            try:
                while batch := list(islice(rows, BATCH)):
                    for leaving in islice(gone, BATCH // REPLACED):
                        replacement.take_back(leaving, at=now())
                    done = batch[-1].number
                    if done > run.rows_done and run.status != ImportStatus.FINISHED:
                        record_focus_rows(import_id=run.pk, reader=reader, rows=batch, at=now())
                    progress(done, file.table.count)
            except BaseException as problem:
                fail_focus_import(import_id=run.pk, error=type(problem).__name__)
                raise
        for leaving in gone:
            replacement.take_back(leaving, at=now())
        replacement.finish(self.ids, at=now())
        for run in self.runs:
            if run.status != ImportStatus.FINISHED:
                finish_focus_import(import_id=run.pk, at=now())

    def _check_kept(self, replacement: Replacement) -> None:
        try:
            replacement.check_kept(self.ids)
        except DomainError as problem:
            for run in self.runs:
                fail_focus_import(import_id=run.pk, error=problem.detail)
            raise

    def _statement(self) -> Statement:
        periods: set[AccountPeriod] = set()
        counts: Counter[bytes] = Counter()
        for request, reader, file in zip(self.requests, self.readers, self.files, strict=True):
            for cells in file.rows():
                counts[bytes.fromhex(reader.digest(cells))[:DIGEST_BYTES]] += 1
                stated = None if request.is_additional else reader.statement(cells)
                if stated is not None:
                    periods.add(stated)
        return Statement(frozenset(periods), counts)


def _numbered(reader: Reader, file: FocusFile, counts: Counter[bytes]) -> Iterator[IncomingRow]:
    """All rows, also those imported already: equal rows of a delivery are told apart by how many came before."""
    for number, cells in enumerate(file.rows(), 1):
        digest = reader.digest(cells)
        key = bytes.fromhex(digest)[:DIGEST_BYTES]
        counts[key] += 1
        yield IncomingRow(number, cells, digest, counts[key])

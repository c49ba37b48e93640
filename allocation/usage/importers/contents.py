"""The records that a file holds, in its order: CSV, JSON, JSON lines or Parquet, packed or not."""

import gzip
import io
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Self, TextIO, cast

from allocation.usage.documents import UsageMapping
from allocation.usage.importers import parquet
from allocation.usage.importers.incoming import json_records
from allocation.usage.importers.layouts import missing_from, needed_columns, refused_layout
from allocation.usage.importers.mapped import records_of
from allocation.usage.importers.pivots import pivoted
from allocation.usage.importers.tables import encoding_of, table_rows
from governance.errors import Invalid

# A JSON array is read whole; JSON lines are not.
ARRAY_BYTES_MAX = 256 * 1024 * 1024
FORMS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# (position from 0, the record as bytes or as data)
Record = tuple[int, object]
Position = Callable[[], int]


class OpenedFile:
    """The file's bytes, unpacked when its name ends in .gz, and the number of bytes of the file itself read so far."""

    def __init__(self, path: Path) -> None:
        self.raw = path.open("rb")  # closed in __exit__
        self.file: IO[bytes] = self.raw if path.suffix != ".gz" else cast("IO[bytes]", gzip.GzipFile(fileobj=self.raw))
        # Kept, since it would close the file when nobody reads it any longer.
        self.text: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def as_text(self) -> TextIO:
        """The file's text, in its own encoding."""
        self.text = io.TextIOWrapper(self.file, encoding=encoding_of(self.file), newline="")
        return self.text

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.raw.close()


@contextmanager
def opened(path: Path, mapping: UsageMapping | None) -> Iterator[tuple[Iterator[Record], Position]]:
    """The file's records, and the number of its bytes read so far. What a file is its name says (.parquet, .csv, .tsv,
    .jsonl, .ndjson), else the mapping: one of columns reads the same columns in any form. Raises Invalid (`csv_column`,
    `file_too_large`, `file_unreadable`).
    """
    if mapping is not None and form_of(path, mapping) == "parquet":
        rows = parquet.ParquetRows(path)
        yield _as_mapped(_with_needed_columns(path, iter(rows), mapping), mapping), rows.position
        return
    with OpenedFile(path) as found:
        yield iter(_records(path, found, mapping)), found.raw.tell


def form_of(path: Path, mapping: UsageMapping) -> str:
    """What the file is: csv, jsonl, json or parquet."""
    form = FORMS.get(Path(path.name.removesuffix(".gz")).suffix, mapping.format)
    return mapping.format if mapping.each and form != "jsonl" else form


def _records(path: Path, found: OpenedFile, mapping: UsageMapping | None) -> Iterable[Record]:
    file = found.file
    if mapping is None:
        head = file.read(len(BOM_UTF8) + 1)
        file.seek(0)
        return _document(file) if head.removeprefix(BOM_UTF8)[:1] == b"[" else _lines(file)
    form = form_of(path, mapping)
    if form == "csv":
        return _as_mapped(_table(path, found.as_text(), mapping), mapping)
    pages = _document(file) if form == "json" else _lines(file)
    if not mapping.each:
        return pages if mapping.pivot is None else _as_mapped((_parsed(page) for _, page in pages), mapping)
    return _as_mapped((record for _, page in pages for record in records_of(_parsed(page), mapping.each)), mapping)


def _as_mapped(rows: Iterator[object], mapping: UsageMapping) -> Iterator[Record]:
    return enumerate(rows if mapping.pivot is None else pivoted(rows, mapping.pivot, mapping))


def _table(path: Path, text: TextIO, mapping: UsageMapping) -> Iterator[object]:
    needed = needed_columns(mapping, tabular=True)

    def fits(names: Sequence[str]) -> bool:
        return not missing_from(names, needed)

    names, rows = table_rows(text, delimiter=mapping.delimiter, fits=fits)
    if missing := missing_from(names, needed):
        raise refused_layout(path.name, missing, names)
    return rows


def _with_needed_columns(path: Path, rows: Iterator[object], mapping: UsageMapping) -> Iterator[object]:
    first = next(rows, None)
    if not isinstance(first, dict):
        return
    if missing := missing_from(first, needed_columns(mapping, tabular=True)):
        raise refused_layout(path.name, missing, first)
    yield from chain([first], rows)


def _document(file: IO[bytes]) -> Iterator[Record]:
    body = file.read(ARRAY_BYTES_MAX + 1)
    if len(body) > ARRAY_BYTES_MAX:
        raise Invalid("A JSON document of this size does not fit into memory; give JSON lines.", code="file_too_large")
    return enumerate(record for record, _ in json_records(body))


def _parsed(page: object) -> object:
    """A page that is not JSON is passed on, to be refused."""
    try:
        return json.loads(page) if isinstance(page, bytes) else page
    except (ValueError, RecursionError):
        return page


def _lines(file: IO[bytes]) -> Iterator[Record]:
    for index, line in enumerate(file):
        content = line.rstrip(b"\r\n") if index else line.rstrip(b"\r\n").removeprefix(BOM_UTF8)
        if content and not content.isspace():
            yield index, content

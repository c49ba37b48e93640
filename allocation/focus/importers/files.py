"""FOCUS files in CSV, also packed with gzip, and Parquet, with every cell as text.

DuckDB reads them: it distinguishes an empty text from a null and converts nothing. Since a CSV reader may misread a
broken file, Python's reader counts the records first: no row can be lost unnoticed.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

import duckdb

from allocation.focus.models import FocusFormat
from governance.errors import Invalid
from governance.pages.engine.spreadsheets import unguarded

LINE_BYTES_MAX = 4 * 1024 * 1024
COLUMNS_MAX = 1000
FETCHED = 2_000
MEMORY = "512MB"
Cells = list[str | None]


@dataclass(frozen=True, slots=True)
class FocusTable:
    """A file's headers, the types of a Parquet file's columns, and the number of rows."""

    format: FocusFormat
    columns: tuple[str, ...]
    types: tuple[str, ...]
    count: int


class FocusFile:
    """Rows in their order, as often as needed. Raises Invalid (`file_unreadable`, `file_empty`) for a file that cannot
    be read to its end.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.base = connect(folder)
        parquet = path.suffix.lower() == ".parquet" or first_bytes(path) == b"PAR1"
        self.format = FocusFormat.PARQUET if parquet else FocusFormat.CSV
        # DuckDB would take some file names for patterns.
        self.link = folder / ("input.parquet" if parquet else "input.csv.gz" if is_gzipped(path) else "input.csv")
        self.link.symlink_to(path.resolve())
        with read_errors_as_invalid(path):
            self.table = self._parquet() if parquet else self._csv()

    def rows(self, start: int = 0) -> Iterator[Cells]:
        """From row `start`, counted from 0."""
        with read_errors_as_invalid(self.path):
            cursor = self.base.cursor()
            cursor.execute("SELECT * EXCLUDE (n) FROM focus WHERE n >= ? ORDER BY n", [start])
            width, is_parquet = len(self.table.columns), self.format == FocusFormat.PARQUET
            while fetched := cursor.fetchmany(FETCHED):
                for row in fetched:
                    cells = list(row)
                    while len(cells) > width and cells[-1] is None:
                        cells.pop()
                    # Parquet holds values as they stand; in CSV an apostrophe keeps a spreadsheet from running them.
                    yield cells if is_parquet else [None if cell is None else unguarded(cell) for cell in cells]

    def _csv(self) -> FocusTable:
        columns, widest, rows_counted = csv_shape(self.path)
        # Room for the longest row, so that no cell is cut off.
        names = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(max(widest, len(columns)) or 1))
        self._stage(
            f"""SELECT * FROM read_csv(?, columns = {{{names}}}, auto_detect = false, header = true, delim = ',',
                quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, null_padding = true,
                strict_mode = true, parallel = false, max_line_size = {LINE_BYTES_MAX})"""  # noqa: S608  # our own names
        )
        rows_read = self._count()
        if rows_read != rows_counted:
            raise Invalid(
                f"{self.path.name} is not well-formed CSV: a quotation mark is not closed, or lines end in several"
                f" ways. One reader finds {rows_counted:,} rows, another {rows_read:,}.",
                code="file_unreadable",
            )
        return FocusTable(self.format, columns, (), rows_counted)

    def _parquet(self) -> FocusTable:
        described = self.base.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(self.link)]).fetchall()
        columns, types = tuple(str(row[0]) for row in described), tuple(str(row[1]) for row in described)
        if len(columns) > COLUMNS_MAX:
            raise too_many_columns(self.path)
        casts = ", ".join(
            f"{as_text(quoted(name), kind)} AS c{n}" for n, (name, kind) in enumerate(zip(columns, types, strict=True))
        )
        self._stage(f"SELECT {casts} FROM read_parquet(?)")  # noqa: S608  # quoted names
        return FocusTable(self.format, columns, types, self._count())

    def _stage(self, select: str) -> None:
        """Reads the whole file before its first row is used, so that a truncated file imports nothing."""
        self.base.execute(
            f"CREATE TABLE focus AS SELECT (row_number() OVER ()) - 1 AS n, * FROM ({select})",  # noqa: S608  # as above
            [str(self.link)],
        )

    def _count(self) -> int:
        row = self.base.execute("SELECT count(*) FROM focus").fetchone()
        return int(row[0]) if row else 0


@contextmanager
def opened(path: Path) -> Iterator[FocusFile]:
    """The file, closed and its temporary copy removed at the end. Raises Invalid (`file_missing`), and as FocusFile."""
    if not path.is_file():
        raise Invalid(f"There is no file {path.name}.", code="file_missing")
    with TemporaryDirectory(prefix="weir-focus-") as folder:
        file = FocusFile(path, Path(folder))
        try:
            yield file
        finally:
            file.base.close()


def connect(folder: Path) -> Any:
    """A DuckDB database on disk that loads no extensions and stays within its memory limit."""
    return duckdb.connect(
        str(folder / "focus.duckdb"),
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY,
            "threads": "2",
            "temp_directory": str(folder),
            "preserve_insertion_order": "true",
        },
    )


def csv_shape(path: Path) -> tuple[tuple[str, ...], int, int]:
    """(headers, cells of the longest row, number of rows). Blank lines are not rows. Raises Invalid (`file_empty`,
    `file_unreadable`).
    """
    csv.field_size_limit(LINE_BYTES_MAX)
    with unpacked(path) as file:
        reader = csv.reader(
            (line.decode("utf-8-sig" if n == 0 else "utf-8") for n, line in enumerate(file)), strict=True
        )
        columns = tuple(map(unguarded, next(reader, ())))
        if not columns:
            raise Invalid(f"{path.name} is empty.", code="file_empty")
        if len(columns) > COLUMNS_MAX:
            raise too_many_columns(path)
        widest, count = len(columns), 0
        for row in reader:
            if row:
                count += 1
                widest = max(widest, len(row))
    if widest > len(columns) + COLUMNS_MAX:
        raise too_many_columns(path)
    return columns, widest, count


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked when it is gzipped."""
    with path.open("rb") as raw:
        if not is_gzipped(path):
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield cast("IO[bytes]", file)


@contextmanager
def read_errors_as_invalid(path: Path) -> Iterator[None]:
    """Raises Invalid (`file_unreadable`) for what the readers raise on a file that is not what its name says."""
    try:
        yield
    except (duckdb.Error, csv.Error, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as problem:
        reason = str(problem).splitlines()[0] if not isinstance(problem, duckdb.Error) else type(problem).__name__
        # DuckDB repeats the line, and with it what anybody wrote.
        where = next(iter(re.findall(r"on Line: \d+", str(problem))), "")
        raise Invalid(
            f"{path.name} cannot be read: {reason} {where}".rstrip() + ".", code="file_unreadable"
        ) from problem


def is_gzipped(path: Path) -> bool:
    """By the file's name."""
    return path.suffix.lower() == ".gz"


def first_bytes(path: Path) -> bytes:
    """The first four, by which Parquet is recognised."""
    with path.open("rb") as file:
        return file.read(4)


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def as_text(column: str, kind: str) -> str:
    """SQL for a column as text: times as FOCUS writes them; maps, lists and structures as JSON; others by a cast."""
    if kind.startswith("TIMESTAMP"):
        plain = f"make_timestamp(epoch_us({column}))"
        whole = f"epoch_us({column}) % 1000000 = 0"
        return (
            f"CASE WHEN {whole} THEN strftime({plain}, '%Y-%m-%dT%H:%M:%SZ')"
            f" ELSE strftime({plain}, '%Y-%m-%dT%H:%M:%S.%fZ') END"
        )
    if kind.startswith(("MAP", "STRUCT")) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    if kind == "BLOB":
        return f"decode({column})"
    return f"CAST({column} AS VARCHAR)"


def too_many_columns(path: Path) -> Invalid:
    """The error for a file with more than COLUMNS_MAX columns."""
    return Invalid(f"{path.name} has more than {COLUMNS_MAX:,} columns.", code="file_unreadable")

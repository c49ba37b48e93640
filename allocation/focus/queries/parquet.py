"""The same file as Parquet: numbers as exact decimals, times as UTC timestamps, all else as text. The CSV is piped to
DuckDB, which writes while it is produced, within a fixed memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from allocation.focus.engine.columns import Kind, Version, columns_of
from allocation.focus.models import FocusImport
from allocation.focus.queries.export import FocusExport, focus_csv, import_csv, imported_cells, layout_of

NUMBER = "DECIMAL(38,18)"
TIME = "TIMESTAMP WITH TIME ZONE"
TEXT = "VARCHAR"
# More digits than the type has: the column stays text, and exact.
TOO_LONG = re.compile(r"-?(?:\d{21,}|\d*\.\d{19,})|.*[eE]")
MEMORY = "512MB"
LINE_BYTES_MAX = 4 * 1024 * 1024
# Types whose values DuckDB reads back from text unchanged.
KEPT_TYPES = ("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "TIMESTAMP", "DATE",
              "BOOLEAN", "VARCHAR")  # fmt: skip


def write_parquet(export: FocusExport, out: Path) -> None:
    """Writes the export to `out`. A number column with values beyond DECIMAL(38,18) is written as text."""
    columns = layout_of(export).columns
    kinds = {name: column.kind for name, column in columns_of(export.version).items()}
    inexact = {
        name
        for row in imported_cells(export)
        for name in numbers_of(export.version)
        if TOO_LONG.match(row.get(name) or "")
    }
    types = {Kind.NUMBER: NUMBER, Kind.TIME: TIME}
    chosen = [TEXT if name in inexact or name not in kinds else types.get(kinds[name], TEXT) for name in columns]
    convert(focus_csv(export), columns, chosen, out)


def numbers_of(version: Version) -> tuple[str, ...]:
    """The version's columns of numbers."""
    return tuple(name for name, column in columns_of(version).items() if column.kind is Kind.NUMBER)


def import_parquet(source: FocusImport, out: Path) -> None:
    """One import as it was: a Parquet file's columns with their types, a CSV file's cells as text."""
    types = [kind if is_kept(kind) else TEXT for kind in source.column_types] or [TEXT] * len(source.columns)
    convert(import_csv(source), source.columns, types, out)


def is_kept(kind: str) -> bool:
    """Whether a column can be written with this DuckDB type again."""
    return kind.startswith(KEPT_TYPES) and not kind.endswith("]")


def convert(pieces: Iterator[bytes], columns: Sequence[str], types: Sequence[str], out: Path) -> None:
    """Writes CSV to `out` as Parquet, with these column types."""
    read_end, write_end = os.pipe()
    with TemporaryDirectory(prefix="weir-focus-") as folder, ThreadPoolExecutor(max_workers=1) as executor:
        query = copy_query(f"/dev/fd/{read_end}", columns, types, out)
        conversion = executor.submit(_convert, query, folder, read_end)
        try:
            with os.fdopen(write_end, "wb") as pipe:
                for piece in pieces:
                    pipe.write(piece)
        except BrokenPipeError:
            # DuckDB has stopped; its result raises the reason.
            conversion.result()
            raise
        conversion.result()


def _convert(query: str, folder: str, read_end: int) -> None:
    try:
        base = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": MEMORY,
                "threads": "2",
                "temp_directory": folder,
            }
        )
        try:
            base.execute(query)
        finally:
            base.close()
    finally:
        # The writing side then sees a broken pipe.
        os.close(read_end)


def copy_query(pipe: str, columns: Sequence[str], types: Sequence[str], out: Path) -> str:
    """SQL that reads the CSV from the pipe and writes it to `out`."""
    names = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(columns)))
    casts = ", ".join(
        f"CAST(c{place} AS {kind}) AS {quoted(name)}"
        for place, (name, kind) in enumerate(zip(columns, types, strict=True))
    )
    target = str(out).replace("'", "''")
    return f"""
        COPY (
            SELECT {casts} FROM read_csv('{pipe}', columns = {{{names}}}, auto_detect = false, header = true,
                delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, strict_mode = true,
                max_line_size = {LINE_BYTES_MAX})
        ) TO '{target}' (FORMAT parquet)
    """  # noqa: S608  # quoted names, types of DuckDB's own


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'

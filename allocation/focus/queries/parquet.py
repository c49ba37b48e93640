"""The same file as Parquet: numbers exact decimals, times UTC timestamps, the rest text. The CSV goes through a pipe to
DuckDB, which writes while it is made, within a fixed memory.
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
# More places than the type has: the column stays text, and exact.
TOO_LONG = re.compile(r"-?(?:\d{21,}|\d*\.\d{19,})|.*[eE]")
MEMORY = "512MB"
LINE_BYTES_MAX = 4 * 1024 * 1024
# Types that DuckDB reads back from a text as they were.
KEPT_TYPES = ("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT", "TIMESTAMP", "DATE",
              "BOOLEAN", "VARCHAR")  # fmt: skip


def write_parquet(order: FocusExport, out: Path) -> None:
    columns = layout_of(order).columns
    kinds = {name: column.kind for name, column in columns_of(order.version).items()}
    inexact = {
        name
        for row in imported_cells(order)
        for name in numbers_of(order.version)
        if TOO_LONG.match(row.get(name) or "")
    }
    types = {Kind.NUMBER: NUMBER, Kind.TIME: TIME}
    chosen = [TEXT if name in inexact or name not in kinds else types.get(kinds[name], TEXT) for name in columns]
    convert(focus_csv(order), columns, chosen, out)


def numbers_of(version: Version) -> tuple[str, ...]:
    return tuple(name for name, column in columns_of(version).items() if column.kind is Kind.NUMBER)


def import_parquet(source: FocusImport, out: Path) -> None:
    """One import as it stood: a Parquet file's columns of the types they had, a CSV's cells as text."""
    types = [kind if is_kept(kind) else TEXT for kind in source.column_types] or [TEXT] * len(source.columns)
    convert(import_csv(source), source.columns, types, out)


def is_kept(kind: str) -> bool:
    return kind.startswith(KEPT_TYPES) and not kind.endswith("]")


def convert(pieces: Iterator[bytes], columns: Sequence[str], types: Sequence[str], out: Path) -> None:
    reading, writing = os.pipe()
    with TemporaryDirectory(prefix="weir-focus-") as folder, ThreadPoolExecutor(max_workers=1) as other:
        query = copy_query(f"/dev/fd/{reading}", columns, types, out)
        done = other.submit(_convert, query, folder, reading)
        try:
            with os.fdopen(writing, "wb") as pipe:
                for piece in pieces:
                    pipe.write(piece)
        except BrokenPipeError:
            # DuckDB has given up; it says why.
            done.result()
            raise
        done.result()


def _convert(query: str, folder: str, reading: int) -> None:
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
        # Whoever writes learns that nobody reads any more.
        os.close(reading)


def copy_query(pipe: str, columns: Sequence[str], types: Sequence[str], out: Path) -> str:
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
    escaped = name.replace('"', '""')
    return f'"{escaped}"'

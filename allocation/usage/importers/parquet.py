"""Reads rows of a Parquet file with DuckDB, a few thousand at a time. DuckDB opens this one file only, loads no
extension and uses no network.
"""

import glob
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

ROWS_AT_ONCE = 2_000
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "memory_limit": "512MB",
    # In the order of the file: an interrupted import continues by counting rows.
    "preserve_insertion_order": True,
    "threads": 1,
}
Unreadable = duckdb.Error


class ParquetRows:
    """The file's rows, in their order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._share = 0.0

    def position(self) -> int:
        """How far reading has come, in bytes of the file, estimated from the rows read."""
        return int(self._share * self._path.stat().st_size)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        name = glob.escape(str(self._path))
        with duckdb.connect(":memory:", config=_SETTINGS) as database:
            counted = database.execute("SELECT count(*) FROM read_parquet(?)", [name]).fetchone()
            total = max(1, counted[0] if counted else 0)
            cursor = database.execute("SELECT * FROM read_parquet(?)", [name])
            names = [column[0] for column in cursor.description or ()]
            done = 0
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                for row in rows:
                    yield {column: plain(value) for column, value in zip(names, row, strict=True)}
                done += len(rows)
                self._share = done / total


def plain(value: object) -> object:
    """The value as JSON holds it; decimals and times as exact text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)

"""The rows of a CSV file, whatever separates its columns."""

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, TextIO

from allocation.usage.importers.told_columns import named_columns
from governance.errors import Invalid

# Logs may hold whole prompts; the csv module's own limit is 128 KiB.
csv.field_size_limit(64 * 1024 * 1024)
DELIMITERS = (",", ";", "\t", "|")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class RowTooLong(list[str]):
    """The cells of a row that has more of them than there are columns, so that it cannot be told which is which."""


Row = dict[str, Any] | RowTooLong


def encoding_of(file: IO[bytes]) -> str:
    """UTF-16 where the file says so, as a spreadsheet's "Unicode text" does, else UTF-8."""
    is_utf_16 = file.read(2) in UTF_16
    file.seek(0)
    return "utf-16" if is_utf_16 else "utf-8-sig"


def table_rows(
    text: TextIO, *, delimiter: str, fits: Callable[[Sequence[str]], bool]
) -> tuple[list[str], Iterator[Row]]:
    """The names of the columns, and the rows by these names. The columns are separated by the first of the mapping's
    delimiter, comma, semicolon, tab and bar that gives names that fit, else by the mapping's. Raises Invalid
    (`csv_column`) for two columns of one name.
    """
    for mark in dict.fromkeys((delimiter, *DELIMITERS)):
        names, rows = _read(text, mark)
        if fits(names):
            break
    else:
        names, rows = _read(text, delimiter)
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1 and name):
        raise Invalid(
            f"The file has more than one column {named_columns(repeated, shown_max=len(repeated))}:"
            " it cannot be told which is meant. Rename one.",
            code="csv_column",
        )
    return names, _by_name(names, rows)


def _read(text: TextIO, delimiter: str) -> tuple[list[str], Iterator[list[str]]]:
    text.seek(0)
    rows = iter(csv.reader(text, delimiter=delimiter))
    return next(rows, []), rows


def _by_name(names: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Row]:
    width = len(names)
    for cells in rows:
        if not cells:
            continue
        if any(cells[width:]):
            yield RowTooLong(cells)
        else:
            # A row that ends early lacks its last cells.
            yield dict(zip(names, chain(cells, (None,) * (width - len(cells))), strict=False))

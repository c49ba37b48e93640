"""Texts in CSV files that people open in a spreadsheet, which would run some of them as formulas."""

import re

# What begins a formula in Excel, LibreOffice or Google Sheets, also written wide, or is skipped before one.
BEGINNINGS = "=+-@\t\r\n＝＋－＠"  # the wide ones are meant
_DANGEROUS = re.compile(f"'*[{re.escape(BEGINNINGS)}]")
_NUMBER = re.compile(r"[+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FIRST = frozenset(f"'{BEGINNINGS}")


def guarded(cell: str) -> str:
    """With an apostrophe before what a spreadsheet would run; a number stays one. `unguarded` gives the text back."""
    if not cell or cell[0] not in _FIRST or not _DANGEROUS.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: str) -> str:
    """The text that `guarded` was given; a text that it would not write is taken as it stands."""
    return cell[1:] if cell[:1] == "'" and _DANGEROUS.match(cell) else cell

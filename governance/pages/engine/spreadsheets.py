"""Texts in CSV files that people open in a spreadsheet, which would run some of them as formulas."""

import re

# What begins a formula in Excel, LibreOffice or Google Sheets, also written wide, small or as a sign of minus.
BEGINNINGS = "=+-@＝＋－＠﹦﹢﹣﹫−"  # they are meant
# Itself enough in some, and skipped before a beginning in others: space that shows or does not, and a quotation mark.
BREAKS, SKIPPED = "\t\r\n", ' "\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\x0b\x0c\x1c-\x1f\x85'
_DANGEROUS = re.compile(f"'*(?:[{BREAKS}]|[{SKIPPED}]*[{re.escape(BEGINNINGS)}{BREAKS}])")
_NUMBER = re.compile(r"[+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
# Most cells begin with what is none of all these.
_HARMLESS = re.compile(r"[A-Za-z0-9{\[]")


def guarded(cell: str) -> str:
    """With an apostrophe before what a spreadsheet would run; a number stays one. `unguarded` gives the text back."""
    if _HARMLESS.match(cell) or not _DANGEROUS.match(cell) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: str) -> str:
    """The text that `guarded` was given; a text that it would not write is taken as it stands."""
    return cell[1:] if cell[:1] == "'" and _DANGEROUS.match(cell) else cell

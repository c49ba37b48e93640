"""What the pages of this app share: badges, evidence as a table, and the page that asks why."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from governance.errors import DomainError

SEVERITY_LABEL = {"info": "info", "low": "info", "medium": "warning", "high": "danger", "critical": "danger"}
STATUS_LABEL = {
    "pending": "warning", "firing": "danger", "resolved": "success",
    "active": "danger", "released": "success", "expired": "info",
}  # fmt: skip


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), max_length=2000)


def table(values: Any) -> SafeString:
    """Nested JSON as rows of dotted name and value."""
    return format_html(
        '<table style="font-variant-numeric:tabular-nums"><tbody>{}</tbody></table>',
        format_html_join(
            "",
            '<tr><th style="text-align:left;padding:.125rem 1.5rem .125rem 0;font-weight:500">{}</th>'
            '<td style="padding:.125rem 0;overflow-wrap:anywhere">{}</td></tr>',
            _rows(values),
        ),
    )


def _rows(values: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(values, dict):
        return [row for name, below in values.items() for row in _rows(below, f"{path}.{name}" if path else str(name))]
    return [(path, "" if values is None else str(values))]


def with_reason(
    request: HttpRequest, *, title: str, say: str, done: str, back: tuple[str, Any], run: Any
) -> HttpResponse:
    """A page that asks why, then runs the operation with that reason."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run(form.cleaned_data["reason"])
        except DomainError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(request, done)
        return redirect(*back)
    context = {**admin.site.each_context(request), "form": form, "title": title, "say": say}
    return TemplateResponse(request, "policies/reason.html", context)

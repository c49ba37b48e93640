"""What the pages of this app share: badges, evidence as a table, and the page that asks why."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextareaWidget

from governance.errors import DomainError


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), max_length=2000)


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
    return TemplateResponse(request, "governance/reason.html", context)

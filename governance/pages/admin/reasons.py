"""The page that asks why before something is done."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminTextareaWidget

from governance.errors import DomainError

ChosenT = TypeVar("ChosenT")


def reason_field(max_length: int = 2000) -> forms.CharField:
    return forms.CharField(
        max_length=max_length,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Goes on record with your name.",
    )


class ReasonForm(forms.Form):
    reason = reason_field()


def with_reason(
    request: HttpRequest, *, title: str, explanation: str, done: str, back: str, run: Callable[[str], object]
) -> HttpResponse:
    """A page that asks why, then runs the operation with that reason. `back` is the address to go on to."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run(form.cleaned_data["reason"])
        except DomainError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(request, done)
        return HttpResponseRedirect(back)
    context = {
        **admin.site.each_context(request),
        "form": form,
        "title": title,
        "explanation": explanation,
        "back": back,
    }
    return TemplateResponse(request, "governance/reason.html", context)


def run_for_each(
    request: HttpRequest,
    chosen: Iterable[ChosenT],
    *,
    run: Callable[[ChosenT], object],
    name: Callable[[ChosenT], str],
    done: str,
) -> None:
    """Each on its own: what is refused holds none of the others back, and is said of the one it concerns."""
    for one in chosen:
        try:
            run(one)
        except DomainError as refused:
            messages.error(request, f"{name(one)}: {refused.detail}")
        else:
            messages.success(request, f"{name(one)}: {done}.")

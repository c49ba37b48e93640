"""The page that asks for a reason before something is done."""

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
    """A required text that goes on record."""
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
    """Asks for a reason, then runs the operation with it. `back` is the address shown afterwards; a refusal is shown
    with the form and what was typed.
    """
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run(form.cleaned_data["reason"])
        except DomainError as refused:
            form.add_error(None, refused.detail)
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
) -> int:
    """Runs each on its own: a refusal is shown with the name of its item and does not stop the others. A text that
    `run` returns is shown instead of `done`. How many were done.
    """
    succeeded = 0
    for item in chosen:
        try:
            outcome = run(item)
        except DomainError as refused:
            messages.error(request, f"{name(item)}: {refused.detail}")
        else:
            succeeded += 1
            messages.success(request, f"{name(item)}: {outcome if isinstance(outcome, str) else done}.")
    return succeeded

"""The pages of emergency grants: making one, and reviewing one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from budgets.plans.models import Budget
from budgets.requests import operations, rules
from budgets.requests.admin.show import amount_of
from budgets.requests.models import QuotaRequest
from governance.errors import DomainError
from governance.pages.admin.base import RecordAdmin, acting
from governance.pages.admin.reasons import reason_field
from governance.people.models import DecisionRight, Ownership, User
from governance.scopes.models import Scope

MAKES = (
    "A little more for the current period, at once: you grant it alone, up to {day} % of the budget a day and {period}"
    " % a period. The budget's owners are told now, and somebody else confirms or disputes it within three days. Your"
    " name goes on record."
)
REVIEWS = (
    "The money is there since it was granted. Confirm, and it stays; dispute, and what is left of it goes back to the"
    " budget above. Your name goes on record."
)


class EmergencyForm(forms.Form):
    """Checks the shape only; the operation checks what may be granted."""

    scope = forms.CharField(
        max_length=1000, widget=UnfoldAdminTextInputWidget, help_text="Its path, such as acme/search."
    )
    unit = forms.ChoiceField(choices=Budget.Unit.choices, widget=UnfoldAdminSelectWidget)
    amount = forms.DecimalField(
        max_digits=24, decimal_places=9, widget=UnfoldAdminDecimalFieldWidget, help_text="On top of what there is."
    )
    reason = reason_field()


class ReviewForm(forms.Form):
    review = forms.ChoiceField(
        choices=[("confirm", "Confirm: it stays"), ("dispute", "Dispute: take back what is left")],
        widget=forms.RadioSelect,
    )
    reason = reason_field()


class EmergencyPages(RecordAdmin):
    """What the list of requests offers beside deciding."""

    def has_emergency_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Who holds the right anywhere; the operation asks where."""
        del object_id
        if not isinstance(request.user, User):
            return False
        return request.user.is_superuser or _rights_of(request.user).exists()

    @action(description="Grant in an emergency", url_path="emergency", icon="emergency", permissions=["emergency"])  # type: ignore[untyped-decorator]  # Unfold has no types.
    def emergency(self, request: HttpRequest) -> HttpResponse:
        """A page to grant a little, at once."""
        by = acting(request)
        own = _rights_of(request.user).values_list("scope__path", flat=True).first() if by.user is not None else None
        form = EmergencyForm(request.POST if "amount" in request.POST else None, initial={"scope": own or ""})
        if form.is_bound and form.is_valid():
            sent = form.cleaned_data
            try:
                scope = Scope.objects.visible_to(by).filter(path=sent.pop("scope").strip("/ ")).first()
                if scope is None:
                    form.add_error("scope", "There is no such scope that you may see.")
                else:
                    made = operations.grant_in_emergency(scope=scope, actor=by, at=timezone.now(), **sent)
                    messages.success(
                        request, f"{amount_of(made)} more for {scope.path} are there. It is to be reviewed."
                    )
                    return HttpResponseRedirect(_list())
            except DomainError as refused:
                form.add_error(None, refused.detail)
        makes = MAKES.format(day=settings.EMERGENCY_DAY_PERCENT, period=settings.EMERGENCY_PERIOD_PERCENT)
        return self._page(
            request, "budgets/requests/emergency.html", "Grant in an emergency", makes, form, "Grant now", {}
        )

    @action(description="Review", url_path="review", icon="rule", permissions=["decide"])  # type: ignore[untyped-decorator]  # Unfold has no types.
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The facts, and below them whether it was right."""
        found: QuotaRequest | None = self.rows_seen(request, object_id).first()
        if found is None:
            return HttpResponseRedirect(_list())
        form = ReviewForm(request.POST if "review" in request.POST or "reason" in request.POST else None)
        if form.is_bound and form.is_valid() and _reviewed(request, found, form):
            return HttpResponseRedirect(_list())
        blocked = not found.is_to_review or rules.is_author(acting(request).user, found)
        more = {"blocked": blocked, **self.context_of(request, found)}
        title = "Review an emergency grant"
        return self._page(request, "budgets/requests/decide.html", title, REVIEWS, form, "Record the review", more)

    def context_of(self, request: HttpRequest, found: QuotaRequest) -> dict[str, Any]:
        """What is shown of a request."""
        raise NotImplementedError

    def _page(
        self, request: HttpRequest, template: str, title: str, explanation: str, form: forms.Form, label: str,
        more: dict[str, Any],
    ) -> HttpResponse:  # fmt: skip
        context = self.admin_site.each_context(request) | {
            "opts": self.opts, "title": title, "back": _list(), "form": form, "explanation": explanation,
            "button": label, **more,
        }  # fmt: skip
        return TemplateResponse(request, template, context)


def _list() -> str:
    return reverse("admin:budgets_quotarequest_changelist")


def _rights_of(user: Any) -> Any:
    return Ownership.objects.of(user.pk).filter(decision_right=DecisionRight.GRANT_IN_EMERGENCY).order_by("pk")


def _reviewed(request: HttpRequest, found: QuotaRequest, form: ReviewForm) -> bool:
    """Whether it was; what was refused is said above the form."""
    by, at, reason = acting(request), timezone.now(), form.cleaned_data["reason"]
    try:
        if form.cleaned_data["review"] == "confirm":
            operations.confirm_emergency(request_id=found.pk, actor=by, reason=reason, at=at)
        else:
            done = operations.dispute_emergency(request_id=found.pk, actor=by, reason=reason, at=at)
            messages.info(request, f"{amount_of(done, done.taken_back)} of it were left, and were taken back.")
    except DomainError as refused:
        form.add_error(None, refused.detail)
        return False
    messages.success(request, f"{amount_of(found)} more for {found.scope.path}: the review is on record.")
    return True

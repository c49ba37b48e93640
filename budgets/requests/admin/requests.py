"""Finance's inbox of requests for more: each decided in place, with the facts beside it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from budgets.approval_rules.engine.agreeing import ApprovalCase, members, steps_shown
from budgets.approvals.admin.buttons import badge, button
from budgets.plans.engine.amounts import plain
from budgets.requests import operations, rules
from budgets.requests.admin.emergencies import EmergencyPages
from budgets.requests.admin.show import amount_of, before_in_words, budget_facts, day, term_of, work_facts
from budgets.requests.engine.states import TO_REVIEW, WAITING
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import Conditions, request_digest
from budgets.requests.queries import approval_case, approval_cases, beside, budgets_raised
from governance.charts.engine.numbers import money
from governance.errors import DomainError
from governance.pages.admin.base import acting
from governance.pages.admin.reasons import reason_field
from governance.pages.admin.show import currency_of

STATUS = QuotaRequest.Status
BADGES = {
    STATUS.DRAFT: "default", STATUS.SUBMITTED: "warning", STATUS.QUESTIONED: "info", STATUS.ANSWERED: "warning",
    STATUS.APPROVED: "success", STATUS.REJECTED: "danger", STATUS.WITHDRAWN: "default", STATUS.EXPIRED: "default",
    STATUS.EMERGENCY: "danger", STATUS.CONFIRMED: "success", STATUS.DISPUTED: "danger",
}  # fmt: skip
LABELS: dict[str, str] = {
    STATUS.EMERGENCY: "emergency: review",
    STATUS.CONFIRMED: "emergency, confirmed",
    STATUS.DISPUTED: "emergency, disputed",
}
DONE = {"approve": "approved, and the money has moved", "ask": "asked", "reject": "rejected"}
AGREED = "you have agreed; nothing has moved yet, those who are next were told"


class DecideForm(forms.Form):
    """Checks the shape only; the operation checks what may be decided."""

    decision = forms.ChoiceField(
        choices=[("approve", "Approve"), ("ask", "Ask the team something"), ("reject", "Reject")],
        widget=forms.RadioSelect,
    )
    amount = forms.DecimalField(
        max_digits=24, decimal_places=9, widget=UnfoldAdminDecimalFieldWidget, required=False,
        help_text="To approve: all of it, or a part.",
    )  # fmt: skip
    until = forms.DateField(
        widget=UnfoldAdminSingleDateWidget, required=False,
        help_text="To approve: the first day on which the former amount holds again. Empty: as asked.",
    )  # fmt: skip
    models = forms.CharField(
        max_length=2000, widget=UnfoldAdminTextInputWidget, required=False,
        help_text="To approve: what it is for, separated by commas. Told and recorded; a guardrail holds it.",
    )  # fmt: skip
    reason = reason_field()
    digest = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, request: QuotaRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = "Reason, or your question"
        if request.term == QuotaRequest.Term.PERIOD:
            del self.fields["until"]

    def conditions(self) -> Conditions:
        """As the approval takes them."""
        names = [name.strip() for name in self.cleaned_data["models"].split(",")]
        return Conditions(self.cleaned_data["amount"], self.cleaned_data.get("until"), [name for name in names if name])


class State(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("waiting", "Waiting for a decision"), ("over", "Decided or over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        waits = Q(status__in=(*WAITING, *TO_REVIEW))
        return (
            queryset.filter(waits)
            if self.value() == "waiting"
            else queryset.exclude(waits)
            if self.value()
            else queryset
        )


@admin.register(QuotaRequest)
class QuotaRequestAdmin(EmergencyPages):
    """Emergency grants that are to be reviewed first, then those that wait, the earliest deadline on top."""

    list_display = ("what", "why", "asked_by", "next_to_agree", "until", "status_badge")
    list_filter = (State, "unit", "term")
    search_fields = ("scope__path", "justification")
    actions_list = ("emergency",)
    actions_detail = ("decide", "review")
    change_form_outer_before_template = "budgets/requests/beside.html"
    fields = ("status", "decided_by", "decided_at", "decision_reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuotaRequest]:
        rows = super().get_queryset(request).select_related("scope", "requested_by", "decided_by", "budget__scope")
        waits = Case(
            When(status__in=TO_REVIEW, then=Value(0)), When(status__in=WAITING, then=Value(1)), default=Value(2),
            output_field=IntegerField(),
        )  # fmt: skip
        return rows.order_by(waits, "decide_by", "-pk")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist: ChangeList = super().get_changelist_instance(request)
        waiting = [found for found in changelist.result_list if found.is_waiting]
        at = timezone.now()
        cases = approval_cases(waiting, budgets_raised(waiting, day=at.date()), at=at)
        for found in changelist.result_list:
            found.case = cases.get(found.pk)
        return changelist

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """By their persona, or as one of those whom the approval rules name for this request."""
        if request.user.has_perm("budgets.change_quotarequest"):
            return True
        found = self.rows_seen(request, object_id).first() if object_id is not None else None
        case = case_of(found) if found is not None and found.is_waiting else None
        return case is not None and any(each.person == request.user.pk for each in members(case))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        found = self.rows_seen(request, object_id).first()
        wanted = "decide" if found is not None and found.is_waiting else "review"
        if found is None or not (found.is_waiting or found.is_to_review):
            return []
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if each.action_name.endswith(wanted)]

    def context_of(self, request: HttpRequest, found: QuotaRequest) -> dict[str, Any]:
        return _context(request, found)

    @button(description="Decide", url_path="decide", icon="gavel")
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The facts, and below them the decision."""
        found = self.rows_seen(request, object_id).first()
        back = reverse("admin:budgets_quotarequest_changelist")
        if found is None:
            return HttpResponseRedirect(back)
        form = DecideForm(
            request.POST if "decision" in request.POST or "digest" in request.POST else None,
            request=found, initial=_shown(found),
        )  # fmt: skip
        if form.is_bound and form.is_valid() and _decided(request, found, form):
            return HttpResponseRedirect(back)
        return TemplateResponse(
            request, "budgets/requests/decide.html", self.admin_site.each_context(request) | {
                "opts": self.opts, "title": "Decide on a request for more", "back": back,
                "form": form,
                "explanation": "The money moves with the approval, or nothing does. Your name goes on record.",
                "button": "Decide", "blocked": not found.is_waiting or rules.is_author(acting(request).user, found),
                **_context(request, found),
            },
        )  # fmt: skip

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *, obj: Any = None, **more: Any) -> Any:
        if obj is not None:
            context |= _context(request, obj)
        return super().render_change_form(request, context, obj=obj, **more)

    @admin.display(description="more for", ordering="scope__path")
    def what(self, request: QuotaRequest) -> SafeString:
        return format_html(
            '<strong>{}</strong> · {}<br><span style="opacity:.65;font-weight:400">{}</span>', amount_of(request),
            request.scope.path, term_of(request),
        )  # fmt: skip

    @admin.display(description="why")
    def why(self, request: QuotaRequest) -> str:
        text = request.justification
        return text if len(text) <= 140 else f"{text[:139]}…"  # noqa: PLR2004  # two lines of the list

    @admin.display(description="asked by", ordering="requested_by")
    def asked_by(self, request: QuotaRequest) -> str:
        return str(request.requested_by)

    @admin.display(description="next to agree")
    def next_to_agree(self, request: QuotaRequest) -> str:
        case: ApprovalCase | None = getattr(request, "case", None)
        shown = next((step for step in steps_shown(case) if step.is_next), None) if case is not None else None
        if case is None or shown is None:
            return "–"
        return f"step {shown.number} of {len(case.steps)}: {', '.join(shown.may_agree) or 'nobody'}"

    @admin.display(description="decide by", ordering="decide_by")
    def until(self, request: QuotaRequest) -> str:
        return day(request.decide_by.date()) if request.is_waiting or request.is_to_review else "–"

    @badge(description="status", ordering="status", label=BADGES)
    def status_badge(self, request: QuotaRequest) -> tuple[str, str]:
        return request.status, LABELS.get(request.status, request.get_status_display())


def case_of(found: QuotaRequest) -> ApprovalCase | None:
    """The request beside the rules in force now."""
    at = timezone.now()
    return approval_case(found, budgets_raised([found], day=at.date()).get(found.pk), at=at)


def _shown(found: QuotaRequest) -> dict[str, Any]:
    budget = budgets_raised([found], day=timezone.now().date()).get(found.pk)
    terms = operations.given(found, Conditions(), case_of(found)) if found.is_waiting else None
    return {
        "decision": "approve", "amount": plain(terms.amount if terms is not None else found.amount),
        "models": ", ".join(terms.models) if terms is not None else "", "digest": request_digest(found, budget),
    }  # fmt: skip


def _context(request: HttpRequest, found: QuotaRequest) -> dict[str, Any]:
    facts = beside(found, actor=acting(request), at=timezone.now())
    case = case_of(found) if found.is_waiting else None
    currency = currency_of(found)
    return {
        "asked": found, "amount": amount_of(found), "term": term_of(found),
        "worth": money(found.outcome_value, currency) if found.outcome_value is not None else "",
        "estimate": amount_of(found, found.estimate) if found.estimate is not None else "",
        "thread": found.thread.select_related("by").order_by("pk"),
        "budget_facts": budget_facts(found, facts), "work_facts": work_facts(found, facts),
        "before": before_in_words(facts.before, currency), "days": (facts.until - facts.since).days,
        "is_own": rules.is_author(acting(request).user, found),
        "rule": case.rule if case is not None else "", "steps": steps_shown(case) if case is not None else (),
        "agreements": found.agreements.select_related("by", "instead_of").order_by("pk"),
        "taken_back": amount_of(found, found.taken_back) if found.taken_back is not None else "",
        "granted": amount_of(found, found.granted) if found.granted is not None else "",
    }  # fmt: skip


def _decided(request: HttpRequest, found: QuotaRequest, form: DecideForm) -> bool:
    """Whether it was; what was refused is said above the form."""
    sent, by, at = form.cleaned_data, acting(request), timezone.now()
    done = DONE[sent["decision"]]
    try:
        match sent["decision"]:
            case "ask":
                operations.ask_about_request(request_id=found.pk, actor=by, text=sent["reason"], at=at)
            case "reject":
                operations.reject_request(request_id=found.pk, actor=by, reason=sent["reason"], at=at)
            case _:
                decided = operations.approve_request(
                    request_id=found.pk, actor=by, reason=sent["reason"], expected_digest=sent["digest"], at=at,
                    conditions=form.conditions(),
                )  # fmt: skip
                done = AGREED if decided.is_waiting else done
    except DomainError as refused:
        form.add_error(None, refused.detail)
        return False
    messages.success(request, f"{amount_of(found)} more for {found.scope.path}: {done}.")
    return True

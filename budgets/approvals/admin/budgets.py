"""Finance's pages of budgets: the list, a budget with its period and transfers, proposing and deciding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString

from budgets.approvals import operations, rules
from budgets.approvals.admin.actions import ActionPage
from budgets.approvals.admin.buttons import badge, button
from budgets.approvals.admin.decisions import DECISIONS, end_shown, grant_shown
from budgets.approvals.admin.outlook import BUDGET_COLUMNS, OutlookColumns, give_outlooks, proposer, two_lines
from budgets.approvals.queries import undecided, waiting_ends, waiting_grants
from budgets.forecasts.queries import (
    days_ahead,
    forecast_of_period,
    outlook_of_forecast,
    pro_rata_on,
    runs_out_on,
    told,
    with_forecast,
)
from budgets.ledger.admin.show import PeriodSummary, accounts_of, entries_shown, period_shown
from budgets.ledger.engine.burn_chart import RunsOut
from budgets.ledger.models import Account
from budgets.ledger.queries import Below, facts_of, last_account, totals_below
from budgets.plans.engine.amounts import budget_quantity, rounded
from budgets.plans.models import Budget
from budgets.reservations.engine.words import bound_in_words
from budgets.reservations.queries.overshoot import overshoot_bounds
from governance.pages.admin.base import acting
from governance.pages.admin.show import number_column

BADGES = {
    Budget.Status.DRAFT: "default",
    Budget.Status.SUBMITTED: "warning",
    Budget.Status.APPROVED: "success",
    Budget.Status.REJECTED: "danger",
    Budget.Status.WITHDRAWN: "default",
    Budget.Status.ENDED: "info",
}
TERMS = ("scope", "unit", "period", "amount", "starts_on", "ends_on", "carry_over", "carry_over_max", "note")


class ProposalForm(forms.ModelForm):  # type: ignore[type-arg]  # Not subscriptable at run time.
    """Checks the shape only; the operation checks what may be proposed."""

    class Meta:
        model = Budget
        fields = TERMS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "starts_on" in self.fields:
            self.fields["starts_on"].required = False
            self.fields["starts_on"].help_text = "First day of a period; empty: the current one."
            self.fields["carry_over"].required = False

    def clean_carry_over(self) -> str:
        return self.cleaned_data["carry_over"] or Budget.CarryOver.NONE

    def _post_clean(self) -> None:
        """Skips the model's validation: it would ask for fields that the operation fills in."""


class Undecided(admin.SimpleListFilter):
    title, parameter_name = "waiting", "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("decision", "For a decision")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        del request
        return undecided(queryset, at=timezone.now()) if self.value() else queryset


@admin.register(Budget)
class BudgetAdmin(OutlookColumns, ActionPage):
    """What runs out first stands on top, then what is used faster than its period passes."""

    form = ProposalForm
    list_display = ("where", *OutlookColumns.columns, "status_badge", "proposed_by")
    export_columns = BUDGET_COLUMNS
    list_filter = (Undecided, "status", "unit", "period")
    search_fields = ("name", "scope__path")
    show_full_result_count = False
    actions = ("approve", "reject", "grant", "approve_grant", "reject_grant")
    actions_detail = (
        "submit_one",
        "approve_one",
        "reject_one",
        "grant_one",
        "approve_grant_one",
        "reject_grant_one",
        "withdraw_grant_one",
        "withdraw_end_one",
        {"title": "More", "items": ["give_back_one", "withdraw_one", "end_one"]},
    )
    fieldsets = (
        (None, {"fields": (("scope", "status"), ("unit", "period"), ("amount_each", "currency"),
                           ("starts_on", "ends_on"), ("carry_over", "carry_over_max"), "note")}),
        ("Decision", {"fields": (("created_by", "created_at"), ("submitted_by", "submitted_at"), "author_name",
                                 ("decided_by", "decided_at"), "decision_reason", ("supersedes", "source"))}),
    )  # fmt: skip
    add_fieldsets = ((None, {"fields": TERMS}),)
    change_form_outer_before_template = "budgets/ledger/period.html"
    change_form_outer_after_template = "budgets/ledger/ledger.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        rows: Any = super().get_queryset(request)
        rows = rows.select_related("scope", "created_by", "submitted_by", "decided_by")
        today = timezone.now().date()
        shown: QuerySet[Budget] = with_forecast(rows, day=today).alias(
            runs_out_sort=runs_out_on(today), pro_rata_sort=pro_rata_on(today)
        )
        return shown

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        del request
        today = timezone.now().date()
        return (
            runs_out_on(today).asc(nulls_last=True), pro_rata_on(today).desc(nulls_last=True), "scope__path", "-pk",
        )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        del request
        return self.fieldsets if obj is not None else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> tuple[str, ...]:
        del request
        return () if obj is None else ("status", "amount_each", "currency", "supersedes", "source")

    def has_change_permission(self, request: HttpRequest, obj: Budget | None = None) -> bool:
        """A budget is not edited: it is proposed, decided on, granted more."""
        return obj is None and bool(super().has_change_permission(request))

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        del object_id
        return bool(super().has_change_permission(request))

    def save_model(self, request: HttpRequest, obj: Budget, form: forms.ModelForm[Budget], change: bool) -> None:  # noqa: FBT001  # Django's signature
        del change
        created = operations.create_budget(
            actor=acting(request), at=timezone.now(), source="admin", **form.cleaned_data
        )
        obj.pk = created.pk
        obj.refresh_from_db()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**(extra_context or {}), **(self._page_context(request, object_id) if object_id else {})}
        return super().changeform_view(request, object_id, form_url, context)

    def _page_context(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        budget = self.get_object(request, object_id)
        if budget is None:
            return {}
        now = timezone.now()
        account = last_account(budget, day=now.date())
        below = totals_below([account.pk]) if account is not None else {}
        return {
            "period": _period(account, below[account.pk], now) if account else None,
            **entries_shown(budget, accounts_of(budget)),
            "budget": budget,
            "is_own": rules.is_author(acting(request).user, budget),
            "grant": grant_shown(waiting_grants([budget]).get(budget.pk)),
            "end": end_shown(waiting_ends([budget], at=now).get(budget.pk)),
        }

    def add_to_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        del request
        give_outlooks(rows, at=timezone.now())

    @admin.display(description="budget", ordering="scope__path")
    def where(self, budget: Budget) -> SafeString:
        return two_lines(budget.scope.path, self.amount_each(budget))

    @number_column
    @admin.display(description="amount", ordering="amount")
    def amount_each(self, budget: Budget) -> str:
        return f"{rounded(budget.unit, budget.amount, budget.currency)} a {budget.period}"

    @badge(description="status", ordering="status", label=BADGES)
    def status_badge(self, budget: Budget) -> tuple[str, str]:
        return budget.status, budget.get_status_display()

    @admin.display(description="proposed by", ordering="submitted_by")
    def proposed_by(self, budget: Budget) -> str:
        return proposer(budget)

    def _ask_of_list(self, request: HttpRequest, verb: str, chosen: Iterable[Budget]) -> HttpResponse:
        return self.ask(request, verb, list(chosen), from_list=True)

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:
        return self._ask_of_list(request, "approve", queryset)

    @admin.action(description="Reject", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:
        return self._ask_of_list(request, "reject", queryset)

    @admin.action(description="Grant more", permissions=["decide"])
    def grant(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:
        return self._ask_of_list(request, "grant", queryset)

    @admin.action(description="Approve grants that wait", permissions=["decide"])
    def approve_grant(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:
        return self._ask_of_list(request, "approve_grant", queryset)

    @admin.action(description="Reject grants that wait", permissions=["decide"])
    def reject_grant(self, request: HttpRequest, queryset: QuerySet[Budget]) -> HttpResponse:
        return self._ask_of_list(request, "reject_grant", queryset)

    def _ask_of_one(self, request: HttpRequest, verb: str, object_id: str) -> HttpResponse:
        budget = self.get_object(request, object_id)
        if budget is None:
            return HttpResponseRedirect(self._page_of(None))
        return self.ask(request, verb, [budget], from_list=False)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the decisions that the budget's status allows."""
        budget = self.get_object(request, str(object_id))
        if budget is None:
            return []
        grant_waits = budget.pk in waiting_grants([budget])
        end_waits = budget.pk in waiting_ends([budget], at=timezone.now())
        wanted = {
            verb
            for verb, decision in DECISIONS.items()
            if budget.status in decision.statuses
            and (grant_waits or not decision.of_grant)
            and (end_waits or not decision.ends_waiting)
        }
        offered = super().get_actions_detail(request, object_id)
        return [item for item in offered if item.method.__name__.removesuffix("_one") in wanted]

    @button(description="Submit", url_path="submit", icon="send")
    def submit_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "submit", object_id)

    @button(description="Approve", url_path="approve", icon="check")
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "approve", object_id)

    @button(description="Reject", url_path="reject", icon="close")
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "reject", object_id)

    @button(description="Grant more", url_path="grant", icon="add")
    def grant_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "grant", object_id)

    @button(description="Approve the grant", url_path="approve-grant", icon="check")
    def approve_grant_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "approve_grant", object_id)

    @button(description="Reject the grant", url_path="reject-grant", icon="close")
    def reject_grant_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "reject_grant", object_id)

    @button(description="Withdraw the grant", url_path="withdraw-grant")
    def withdraw_grant_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "withdraw_grant", object_id)

    @button(description="Withdraw the end", url_path="withdraw-end")
    def withdraw_end_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "withdraw_end", object_id)

    @button(description="Give back", url_path="give-back")
    def give_back_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "give_back", object_id)

    @button(description="Withdraw", url_path="withdraw")
    def withdraw_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "withdraw", object_id)

    @button(description="End", url_path="end")
    def end_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask_of_one(request, "end", object_id)


def _period(account: Account, below: Below, now: datetime) -> PeriodSummary:
    today = now.date()
    facts = facts_of(account, below.spent)
    held = budget_quantity(account.unit, below.held)
    if not account.interval.contains(today):
        return period_shown(account, facts, today=today, held=held)
    forecast = forecast_of_period(scope_id=account.scope_id, unit=account.unit, period=account.interval, day=today)
    outlook = outlook_of_forecast(forecast, facts, day=today)
    exhausted = outlook.exhausted
    bound = overshoot_bounds([account.pk], at=now)[account.pk]
    currency = account.budget.currency if account.budget is not None else ""
    return period_shown(
        account, facts, today=today, held=held, ahead=days_ahead(forecast) if forecast is not None else [],
        runs_out=RunsOut(exhausted.mid, exhausted.early, exhausted.late)
        if exhausted.mid is not None and not outlook.is_spent
        else None,
        outlook=told(forecast, facts, outlook),
        under_way=bound_in_words(bound, account.unit, facts.used, currency),
    )  # fmt: skip

"""The page on which decisions about budgets are confirmed."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from budgets.approvals import rules
from budgets.approvals.admin.decisions import DECISIONS, DecisionPage, amount_and_used, grant_shown, seen
from budgets.approvals.models import GrantProposal
from budgets.approvals.operations import grant_digest
from budgets.approvals.queries import waiting_grants
from budgets.ledger.queries import facts_by_budget
from budgets.plans.engine.amounts import rounded
from budgets.plans.models import Budget
from budgets.plans.operations import terms_digest
from governance.pages.admin.base import OperatedAdmin, acting
from governance.pages.admin.reasons import run_for_each
from governance.pages.admin.show import file_name


class ActionPage(OperatedAdmin):
    """Decisions on one or several budgets, each confirmed with a reason on a page of its own."""

    def ask(self, request: HttpRequest, verb: str, budgets: list[Budget], *, from_list: bool) -> HttpResponse:
        decision = DECISIONS[verb]
        back = self._page_of(None if from_list or len(budgets) != 1 else budgets[0])
        form = decision.form(request.POST if "apply" in request.POST else None)
        if form.is_bound and form.is_valid() and self._decide(request, decision, form, budgets):
            return HttpResponseRedirect(back)
        facts = facts_by_budget(budgets, at=timezone.now())
        grants = waiting_grants(budgets) if decision.of_grant else {}
        actor = acting(request)
        rows = [
            {
                "budget": budget,
                "digest": grant_digest(grants[budget.pk]) if budget.pk in grants else terms_digest(budget),
                "grant": grant_shown(grants.get(budget.pk)),
                "is_own_grant": budget.pk in grants and grants[budget.pk].proposed_by == actor.user,
                "amount": rounded(budget.unit, budget.amount, budget.currency),
                "facts": amount_and_used(budget, facts.get(budget.pk)),
                "is_own": rules.is_author(actor.user, budget),
                "author": str(budget.submitted_by or budget.author_name or file_name(budget.source)),
            }
            for budget in budgets
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": decision.title,
            "explanation": decision.explanation,
            "is_danger": decision.is_danger,
            "by_another": decision.by_another,
            "rows": rows,
            "blocked": decision.by_another and all(row["is_own"] or row["is_own_grant"] for row in rows),
            "form": form,
            "action": verb,
            "selected": [budget.pk for budget in budgets] if from_list else [],
            "back": back,
        }
        return TemplateResponse(request, "budgets/approvals/decide.html", context)

    def _decide(self, request: HttpRequest, decision: DecisionPage, form: forms.Form, budgets: list[Budget]) -> int:
        """How many were decided; what was refused is said above the page."""

        def run(budget: Budget) -> str | None:
            shown = seen(request.POST, budget, of_grant=decision.of_grant) if decision.checks_terms else {}
            result = decision.operation(
                budget_id=budget.pk, actor=acting(request), at=timezone.now(), **shown, **form.cleaned_data
            )
            if isinstance(result, GrantProposal) and result.status == GrantProposal.Status.WAITING:
                return "waits for a second person to approve it; nothing has moved"
            return None

        return run_for_each(request, budgets, run=run, name=lambda budget: budget.name, done=decision.done)

    def _page_of(self, budget: Budget | None) -> str:
        if budget is None:
            return reverse("admin:budgets_budget_changelist")
        return reverse("admin:budgets_budget_change", args=[budget.pk])

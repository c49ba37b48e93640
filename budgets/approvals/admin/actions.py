"""The page on which decisions about budgets are confirmed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from budgets.approvals import rules
from budgets.approvals.admin.decisions import (
    DECISIONS,
    DecisionPage,
    amount_and_used,
    end_shown,
    grant_shown,
    seen,
    what_waits,
)
from budgets.approvals.models import GrantProposal
from budgets.approvals.operations import end_digest, grant_digest
from budgets.approvals.queries import EndWaiting, waiting_ends, waiting_grants
from budgets.ledger.queries import facts_by_budget
from budgets.plans.engine.amounts import rounded
from budgets.plans.models import Budget
from budgets.plans.operations import terms_digest
from governance.pages.admin.base import OperatedAdmin, acting
from governance.pages.admin.reasons import run_for_each
from governance.pages.admin.show import file_name
from governance.people.rules import Actor


class ActionPage(OperatedAdmin):
    """Decisions on one or several budgets, each confirmed with a reason on a page of its own."""

    def ask(self, request: HttpRequest, verb: str, budgets: list[Budget], *, from_list: bool) -> HttpResponse:
        decision = DECISIONS[verb]
        back = self._page_of(None if from_list or len(budgets) != 1 else budgets[0])
        form = decision.form(request.POST if "apply" in request.POST else None)
        if form.is_bound and form.is_valid() and self._decide(request, decision, form, budgets):
            return HttpResponseRedirect(back)
        rows = _rows(decision, budgets, acting(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": decision.title,
            "explanation": decision.explanation,
            "is_danger": decision.is_danger,
            "rows": rows,
            "blocked": all(row["is_refused"] for row in rows),
            "form": form,
            "action": verb,
            "selected": [budget.pk for budget in budgets] if from_list else [],
            "back": back,
        }
        return TemplateResponse(request, "budgets/approvals/decide.html", context)

    def _decide(self, request: HttpRequest, decision: DecisionPage, form: forms.Form, budgets: list[Budget]) -> int:
        """How many were decided; what was refused is said above the page."""
        alone = decision.of_grant or decision.of_end

        def run(budget: Budget) -> str | None:
            shown = seen(request.POST, budget, digest_alone=alone) if decision.checks_terms else {}
            result = decision.operation(
                budget_id=budget.pk, actor=acting(request), at=timezone.now(), **shown, **form.cleaned_data
            )
            return what_waits(result)

        return run_for_each(request, budgets, run=run, name=lambda budget: budget.name, done=decision.done)

    def _page_of(self, budget: Budget | None) -> str:
        if budget is None:
            return reverse("admin:budgets_budget_changelist")
        return reverse("admin:budgets_budget_change", args=[budget.pk])


def _rows(decision: DecisionPage, budgets: list[Budget], actor: Actor) -> list[dict[str, Any]]:
    """What the page shows of each budget, the digest of it, and whether the actor may not decide on it."""
    now = timezone.now()
    facts = facts_by_budget(budgets, at=now)
    grants = waiting_grants(budgets) if decision.of_grant else {}
    ends = waiting_ends(budgets, at=now) if decision.of_end else {}
    rows = []
    for budget in budgets:
        grant, end = grants.get(budget.pk), ends.get(budget.pk)
        is_own = decision.by_another and rules.is_author(actor.user, budget)
        is_own_grant = decision.by_another and grant is not None and grant.proposed_by == actor.user
        is_own_end = end is not None and not decision.ends_waiting and end.proposal.proposed_by == actor.user
        rows.append(
            {
                "budget": budget,
                "digest": _digest(budget, grant, end),
                "grant": grant_shown(grant),
                "end": end_shown(end),
                "is_own": is_own,
                "is_own_grant": is_own_grant,
                "is_own_end": is_own_end,
                "is_refused": is_own or is_own_grant or is_own_end,
                "amount": rounded(budget.unit, budget.amount, budget.currency),
                "facts": amount_and_used(budget, facts.get(budget.pk)),
                "author": str(budget.submitted_by or budget.author_name or file_name(budget.source)),
            }
        )
    return rows


def _digest(budget: Budget, grant: GrantProposal | None, end: EndWaiting | None) -> str:
    if grant is not None:
        return grant_digest(grant)
    return end_digest(budget, end.proposal) if end is not None else terms_digest(budget)

"""The columns that say how a budget stands: allocated, spent, held, available, the pace, and when it runs out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from budgets.forecasts.engine.running_out import Exhaustion, Outlook
from budgets.forecasts.queries import outlook_on
from budgets.ledger.queries import BudgetFacts, facts_by_budget
from budgets.plans.engine.amounts import rounded
from budgets.plans.models import Budget
from governance.calendar.engine import day_of
from governance.charts.engine.axis import day_label
from governance.charts.engine.colours import BAD, NEAR
from governance.charts.engine.numbers import NOTHING, percent
from governance.pages.admin.export import Column
from governance.pages.admin.show import file_name, number_column
from governance.pages.engine.workbook import Cell
from governance.people.queries import owners_by_path


def two_lines(first: object, second: object) -> SafeString:
    """The second paler; left out when it is empty. Neither is broken."""
    more = format_html('<br><span style="opacity:.65;font-weight:400">{}</span>', second) if second else ""
    return format_html('<span style="white-space:nowrap">{}{}</span>', first, more)


class OutlookColumns:
    """What runs out is beside the name, where it is seen first. Of rows that the list gave `facts`, `outlook` and
    `owners`; a dash where a budget is not in force.
    """

    columns: ClassVar[tuple[str, ...]] = ("runs_out", "pro_rata", "allocated", "spent", "held", "available", "owner")

    @number_column
    @admin.display(description="allocated")
    def allocated(self, budget: Any) -> SafeString | str:
        facts: BudgetFacts | None = budget.facts
        if facts is None:
            return NOTHING
        short = f"{_amount(budget, facts.shortfall)} was not there" if facts.shortfall else ""
        return two_lines(_amount(budget, facts.amount), short)

    @number_column
    @admin.display(description="spent")
    def spent(self, budget: Any) -> SafeString | str:
        facts: BudgetFacts | None = budget.facts
        if facts is None:
            return NOTHING
        return two_lines(_amount(budget, facts.used), percent(facts.used_ratio))

    @number_column
    @admin.display(description="held")
    def held(self, budget: Any) -> str:
        facts: BudgetFacts | None = budget.facts
        return _amount(budget, facts.held) if facts is not None and facts.held else NOTHING

    @number_column
    @admin.display(description="available")
    def available(self, budget: Any) -> SafeString | str:
        facts: BudgetFacts | None = budget.facts
        if facts is None:
            return NOTHING
        text = _amount(budget, facts.available)
        below = f"{_amount(budget, facts.granted_out)} granted below" if facts.granted_out else ""
        return two_lines(coloured(text, BAD) if facts.available < 0 else text, below)

    @number_column
    @admin.display(description="of pro rata", ordering="pro_rata_sort")
    def pro_rata(self, budget: Any) -> SafeString | str:
        outlook: Outlook | None = budget.outlook
        if outlook is None or outlook.pro_rata_ratio is None:
            return NOTHING
        text = percent(outlook.pro_rata_ratio)
        return coloured(text, BAD) if outlook.pro_rata_ratio > 1 else text

    @admin.display(description="runs out", ordering="runs_out_sort")
    def runs_out(self, budget: Any) -> SafeString | str:
        outlook: Outlook | None = budget.outlook
        return runs_out_in_words(outlook) if outlook is not None else NOTHING

    @admin.display(description="owner")
    def owner(self, budget: Any) -> str:
        return ", ".join(budget.owners) or NOTHING


def give_outlooks(budgets: Collection[Any], *, at: datetime) -> None:
    """To each row of `with_forecast` `facts` and `outlook`, None where it is not in force, and `owners`: the people
    of the nearest scope at or above that has any. As many queries however many rows.
    """
    facts = facts_by_budget(budgets, at=at)
    owners = owners_by_path(budget.scope.path for budget in budgets)
    for budget in budgets:
        budget.facts = found = facts.get(budget.pk)
        budget.outlook = outlook_on(day_of(at), budget, found) if found is not None else None
        budget.owners = owners[budget.scope.path]


def runs_out_in_words(outlook: Outlook) -> SafeString | str:
    """The day on which it is spent in 50 of 100 cases, and from when to when in 80 of them."""
    exhausted = outlook.exhausted
    if outlook.is_spent:
        return coloured("spent", BAD)
    if outlook.made_on is None:
        return two_lines(*(part.strip(" .") for part in outlook.reason.split(":", 1)))
    if exhausted.mid is None:
        early = f"{day_label(exhausted.early)} in 1 of 10 cases" if exhausted.early is not None else ""
        return two_lines("lasts the period", early)
    return two_lines(coloured(day_label(exhausted.mid), NEAR), _span(exhausted))


def _span(exhausted: Exhaustion) -> str:
    early, late = exhausted.early or exhausted.mid, exhausted.late
    if early is None or early == late:
        return ""
    return f"{day_label(early)} to {day_label(late)}" if late is not None else f"{day_label(early)} at the earliest"


def coloured(text: str, colour: str) -> SafeString:
    """In the colour and bold, so that colour is never the only sign."""
    return format_html('<strong style="color:{}">{}</strong>', colour, text)


def _amount(budget: Budget, amount: Any) -> str:
    return rounded(budget.unit, amount, budget.currency)


def _of_facts(name: str) -> Callable[[Any], Cell]:
    return lambda budget: getattr(budget.facts, name, None)


def _of_outlook(name: str) -> Callable[[Any], Cell]:
    return lambda budget: getattr(budget.outlook, name, None)


def proposer(budget: Budget) -> str:
    """Who proposed it, or which file."""
    return str(budget.submitted_by or budget.created_by or file_name(budget.source))


# What a file has of a budget: amounts as numbers, their unit and currency beside them.
BUDGET_COLUMNS = (
    Column("Scope", lambda budget: budget.scope.path),
    Column("Budget", attrgetter("name")),
    Column("Status", attrgetter("status")),
    Column("Unit", attrgetter("unit")),
    Column("Currency", attrgetter("currency")),
    Column("Period", attrgetter("period")),
    Column("Amount", attrgetter("amount")),
    Column("Allocated", _of_facts("amount")),
    Column("Spent", _of_facts("used")),
    Column("Held", _of_facts("held")),
    Column("Granted below", _of_facts("granted_out")),
    Column("Available", _of_facts("available")),
    Column("Of pro rata", _of_outlook("pro_rata_ratio")),
    Column("Runs out on", _of_outlook("runs_out_on")),
    Column("At the earliest", lambda budget: budget.outlook.exhausted.early if budget.outlook else None),
    Column("At the latest", lambda budget: budget.outlook.exhausted.late if budget.outlook else None),
    Column("Forecast", _of_outlook("reason")),
    Column("Owner", lambda budget: ", ".join(budget.owners)),
    Column("Proposed by", proposer),
)

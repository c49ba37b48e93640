"""A demonstration organisation with a year behind it: a team over its budget, one near it, a budget that waits for
approval, and what `config.demo.year` tells of.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from string import Template

from django.db import transaction

from allocation.anomalies.models import Anomaly, Feedback
from allocation.anomalies.operations import detect_anomalies, give_feedback
from allocation.billing_periods.operations import close_period
from allocation.meters.documents import UsageEvent
from allocation.meters.engine.months import Month
from allocation.outcomes.documents import OutcomeEvent
from allocation.outcomes.operations import record_outcomes
from allocation.shared_cost.operations import run_allocation
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget
from budgets.plans.models import Budget
from config import declared
from config.demo.tasks import outcomes, task_usage
from config.demo.traffic import AGENT, CACHED, usage
from config.demo.year import MONTHS, Year
from governance.calendar.engine import midnight, month_after
from governance.organisations.operations import create_user
from governance.people.models import Persona
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.unit_costs.operations import accept_unit_cost

ORGANISATION = Path(__file__).parent / "organisation.yaml"
FINANCE = "finance@demo.example"
WAITING = "demo/research"
# Unit, scope, outcome, amount and reason of an accepted unit cost.
ACCEPTED = (
    ("1k_tokens", "demo", "", Decimal("0.002"), "Half of what the models of last year cost."),
    ("action", "demo/engineering/coding-agent", "", Decimal("0.03"), "What a change cost while the agent was tried."),
    ("successful_outcome", "demo/support", "ticket_resolved", Decimal("0.55"), "A seventh of what a clerk takes."),
)
# A month is closed on the morning of this day of the next one.
CLOSED_ON = 5
# Anomalies are looked for on each morning of so many months; before them there is little to compare with.
MONTHS_WATCHED = 4
MORNING = timedelta(hours=6)
# What is done, how much of it, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Told:
    """What senders tell, in the order in which it happened."""

    usage: Sequence[UsageEvent]
    outcomes: Sequence[OutcomeEvent]

    def between(self, since: datetime, until: datetime) -> "_Told":
        return _Told(
            [event for event in self.usage if since <= event.occurred_at < until],
            [event for event in self.outcomes if since <= event.occurred_at < until],
        )


@transaction.atomic
def seed(*, at: datetime, months: int = MONTHS, progress: Progress = lambda _what, _done, _of: None) -> None:
    """Create the organisation with budgets, unit costs, and the usage and outcomes of so many months up to ``at``, each
    month as it would have come in; all or nothing.
    """
    year, actor = Year(at, months), Actor.system("demonstration")
    began = min(midnight(year.first_day), at)
    progress("organisation", 0, months)
    organisation = _organisation(year, actor, began)
    told = _Told([*usage(at, months), *task_usage(at, months)], outcomes(at, months))
    since = datetime.min.replace(tzinfo=at.tzinfo)
    for number, start in enumerate(year.starts, start=1):
        until = midnight(month_after(start))
        _month(organisation, told.between(since, until), start, actor=actor, at=min(until, at))
        if number > months - MONTHS_WATCHED:
            for morning in _mornings(start, at):
                detect_anomalies(at=morning)
        if (closing := until + timedelta(days=CLOSED_ON - 1) + MORNING) <= at:
            close_period(
                organisation=organisation, month=start, reason="Invoices are in.", actor=actor, at=closing
            )  # fmt: skip
        since = until
        progress(f"{start:%B %Y}", number, months)
    # The service that starts on it looks again at its hours only: it is told when somebody last looked.
    detect_anomalies(at=at)
    _judge(year, actor)
    # As the night before would have: when budgets run out is among the first things somebody looks at.
    from budgets.forecasts.operations import make_forecasts  # noqa: PLC0415  # numpy only in who needs it

    make_forecasts(at=at)


def _organisation(year: Year, actor: Actor, began: datetime) -> Scope:
    """The scopes, prices, budgets and accepted unit costs."""
    days = {"first_day": year.first_day, "price_cut": year.price_cut, "gpus_reserved": year.gpus_reserved}
    text = Template(ORGANISATION.read_text()).substitute({name: day.isoformat() for name, day in days.items()})
    declared.apply(declared.read_text(text, source=ORGANISATION.name), actor=actor, at=began)
    organisation = Scope.objects.get(path="demo")
    user, _password = create_user(email=FINANCE, persona=Persona.FINANCE, scope=organisation, actor=actor, at=began)
    finance = Actor.of_user(user)
    # The organisation's budget comes first: budgets of scopes below it are granted from it.
    for budget in Budget.objects.exclude(scope__path=WAITING).order_by("scope__path", "pk"):
        approve_budget(budget_id=budget.pk, actor=finance, reason="Planned for this year.", at=began)
    accepted = max(year.at - timedelta(days=60), began)
    for unit, path, name, amount, reason in ACCEPTED:
        accept_unit_cost(
            scope=Scope.objects.get(path=path),
            unit=unit,
            outcome_name=name,
            amount=amount,
            reason=reason,
            effective_from=year.at.date() - timedelta(days=60),
            review_by=year.at.date() + timedelta(days=90),
            actor=finance,
            at=accepted,
        )
    return organisation


def _month(organisation: Scope, told: _Told, start: date, *, actor: Actor, at: datetime) -> None:
    record_usage(events=told.usage, key_scope_id=organisation.pk, at=at)
    record_outcomes(events=told.outcomes, key_scope_id=organisation.pk, at=at)
    run_allocation(organisation=organisation, month=Month.of(start), actor=actor, at=at)


def _mornings(start: date, at: datetime) -> Iterator[datetime]:
    """One for each day of the month that is over."""
    morning = midnight(start) + timedelta(days=1) + MORNING
    while morning <= at and (morning - timedelta(days=1)).month == start.month:
        yield morning
        morning += timedelta(days=1)


def _judge(year: Year, actor: Actor) -> None:
    """The broken cache was found and is explained; what happened since waits for a judgement."""
    broken = [day for day in year.days(year.at.date()) if year.is_cache_broken(day)]
    found = Anomaly.objects.filter(scope__path=AGENT, model=CACHED, first_day__in=broken)
    for anomaly in found.order_by("pk"):
        give_feedback(
            anomaly_id=anomaly.pk,
            feedback=Feedback.YES,
            reason="A date at the head of every prompt kept it from the cache; it stands at the end now.",
            actor=actor,
            at=midnight(broken[-1]) + timedelta(days=2, hours=9),
        )

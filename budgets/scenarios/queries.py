"""What was recorded of a scope, at what prices, and what a scenario makes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum

from allocation.meters.documents import COUNTED_METERS, TOKEN_METERS
from allocation.prices.engine.rates import RateCard
from allocation.usage.models import UsageCharge, UsageScopeDay
from allocation.usage.operations import pricing_context_for
from budgets.ledger.queries import BudgetFacts, budget_facts
from budgets.scenarios.engine.assumptions import Assumptions
from budgets.scenarios.engine.repricing import Repriced, Used, reprice
from budgets.scenarios.engine.words import budget_sentence, sentences
from budgets.scenarios.errors import AssumptionInvalid
from governance.calendar.engine import DAY, day_of, midnight
from governance.scopes.queries import scope_tree

NANO = Decimal("1e-9")
STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Scenario:
    """The days [since, until) of a scope and all below it, repriced."""

    path: str
    currency: str
    since: date
    until: date
    repriced: Repriced
    unpriced_requests: int
    budget: BudgetFacts | None
    sentences: tuple[str, ...]

    @property
    def days(self) -> int:
        return (self.until - self.since).days


def scenario(*, scope_id: int, days: int, assumed: Assumptions, at: datetime, with_budget: bool = True) -> Scenario:
    """The last whole days of the scope and all below it, as assumed, beside its budget. AssumptionInvalid for a model
    that replaces one and has no price.
    """
    tree, until = scope_tree(), day_of(at)
    node, since = tree.by_id[scope_id], until - days * DAY
    below = tree.descendants(scope_id)
    prices = {target: _unit_prices(node.root_id, *target, at) for target in sorted(set(assumed.replaced.values()))}
    repriced = reprice(_recorded(below, since, until), assumed, prices, token_meters=TOKEN_METERS)
    calls = UsageScopeDay.objects.filter(
        scope_id__in=below, bucket__gte=midnight(since), bucket__lt=midnight(until)
    ).aggregate(unpriced=Sum("unpriced_requests"))
    unpriced = calls["unpriced"] or 0
    budgets = budget_facts(scope_ids=[scope_id], unit="money", at=at) if with_budget else {}
    budget = budgets.get(scope_id)
    said = list(sentences(repriced, days=days, currency=node.currency))
    if budget is not None and budget.amount:
        of_period = (budget.period_end - budget.period_start).days
        said.append(
            budget_sentence(
                amount=budget.amount, days_of_period=of_period, repriced=repriced, days=days, currency=node.currency
            )
        )
    if unpriced:
        said.append(f"Not in it: {unpriced:,} calls without a price.")
    return Scenario(node.path, node.currency, since, until, repriced, unpriced, budget, tuple(said))


def _recorded(scope_ids: Iterable[int], since: date, until: date) -> list[Used]:
    rows = (
        UsageCharge.objects.filter(scope_id__in=list(scope_ids), day__gte=since, day__lt=until)
        .order_by()
        .values_list("provider", "model", "meter")
        .annotate(Sum("quantity"), Sum("effective_cost"))
    )
    return [Used(*row) for row in rows]


def _unit_prices(root_id: int, provider: str, model: str, at: datetime) -> Mapping[str, Decimal]:
    """The price of one unit by meter, of the organisation's books or the catalogue, for short contexts."""
    prices_of = pricing_context_for(key_scope_id=None, at=at).organisations[root_id].prices
    card = prices_of.at(provider, model, STANDARD, at)
    if not isinstance(card, RateCard):
        raise AssumptionInvalid(
            f"No price is known of {provider}/{model}: state it in a price book, or name another model."
        )
    rates = {meter: card.base.of(meter) for meter in (*TOKEN_METERS, "request", *COUNTED_METERS)}
    prices = {meter: rate * NANO / card.divisor for meter, rate in rates.items() if rate is not None}
    return prices if card.gpu_hour is None else {**prices, "gpu_hour": card.gpu_hour}

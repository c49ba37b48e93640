"""How much of usage has a price, who stated the price, and what has none."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Sum

from allocation.usage.models import PRICED_BY_NONE, Status, UsageRecord
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree


@dataclass(frozen=True, slots=True)
class SourceTotals:
    """Usage by who stated its price. `cost` is what the records cost when they came in, before corrections."""

    price_source: str
    requests: int
    tokens: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    """Usage of a model and service tier that nobody has stated a price for."""

    provider: str
    model: str
    service_tier: str
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class PriceCoverage:
    """Usage of calls that did not fail; `failed_requests` counts the others. Both lists have the largest first, by
    tokens, then requests.
    """

    requests: int
    tokens: int
    failed_requests: int
    sources: tuple[SourceTotals, ...]
    unpriced: tuple[UnpricedModel, ...]

    @property
    def priced_requests(self) -> int:
        return sum(source.requests for source in self.sources)

    @property
    def priced_tokens(self) -> int:
        return sum(source.tokens for source in self.sources)

    @property
    def priced_requests_ratio(self) -> Decimal | None:
        """None without any request."""
        return priced_ratio(self.priced_requests, self.requests)

    @property
    def priced_tokens_ratio(self) -> Decimal | None:
        """None without any token."""
        return priced_ratio(self.priced_tokens, self.tokens)


def priced_ratio(part: int, whole: int) -> Decimal | None:
    """Four places; None without a whole."""
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001")) if whole else None


def price_coverage(*, actor: Actor, scope_id: int | None, since: datetime, until: datetime) -> PriceCoverage:
    """Usage of [since, until) that `actor` sees, at or below the scope if one is given. From the records themselves, so
    no further back than they are kept.
    """
    records = UsageRecord.objects.visible_to(actor).filter(occurred_at__gte=since, occurred_at__lt=until)
    if scope_id is not None:
        records = records.filter(scope_id__in=scope_tree().descendants(scope_id))
    groups = records.values("status", "price_source", "provider", "model", "service_tier").annotate(
        calls=Sum("requests"), counted=Sum(F("input_tokens") + F("output_tokens")), paid=Sum("cost")
    )
    taken = [group for group in groups if group["status"] != Status.ERROR]
    sources: dict[str, SourceTotals] = {}
    unpriced: list[UnpricedModel] = []
    for group in taken:
        source, calls, tokens = group["price_source"], int(group["calls"]), int(group["counted"])
        if source == PRICED_BY_NONE:
            unpriced.append(UnpricedModel(group["provider"], group["model"], group["service_tier"], calls, tokens))
            continue
        known = sources.get(source, SourceTotals(source, 0, 0, Decimal(0)))
        sources[source] = SourceTotals(
            source, known.requests + calls, known.tokens + tokens, known.cost + group["paid"]
        )
    return PriceCoverage(
        requests=sum(int(group["calls"]) for group in taken),
        tokens=sum(int(group["counted"]) for group in taken),
        failed_requests=sum(int(group["calls"]) for group in groups if group["status"] == Status.ERROR),
        sources=tuple(
            sorted(sources.values(), key=lambda source: (-source.tokens, -source.requests, source.price_source))
        ),
        unpriced=tuple(
            sorted(unpriced, key=lambda model: (-model.tokens, -model.requests, model.provider, model.model))
        ),
    )

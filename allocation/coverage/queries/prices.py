"""How much of what was used has a price, who stated it, and what has none."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Sum

from allocation.usage.models import PRICED_BY_NONE, Status, UsageRecord
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree


@dataclass(frozen=True, slots=True)
class Source:
    """`cost` is what records of this source cost when they came in."""

    price_source: str
    requests: int
    tokens: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Unpriced:
    provider: str
    model: str
    service_tier: str
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of the calls that did not fail. Both lists have the largest first, by tokens, then requests."""

    requests: int
    tokens: int
    failed_requests: int
    sources: tuple[Source, ...]
    unpriced: tuple[Unpriced, ...]

    @property
    def priced_requests(self) -> int:
        return sum(source.requests for source in self.sources)

    @property
    def priced_tokens(self) -> int:
        return sum(source.tokens for source in self.sources)

    @property
    def priced_requests_ratio(self) -> Decimal | None:
        """None without any request."""
        return ratio(self.priced_requests, self.requests)

    @property
    def priced_tokens_ratio(self) -> Decimal | None:
        return ratio(self.priced_tokens, self.tokens)


def ratio(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001")) if whole else None


def price_coverage(*, actor: Actor, scope_id: int | None, since: datetime, until: datetime) -> Coverage:
    """From the records themselves, so no further back than they are kept."""
    records = UsageRecord.objects.visible_to(actor).filter(occurred_at__gte=since, occurred_at__lt=until)
    if scope_id is not None:
        records = records.filter(scope_id__in=scope_tree().descendants(scope_id))
    groups = records.values("status", "price_source", "provider", "model", "service_tier").annotate(
        calls=Sum("requests"), counted=Sum(F("input_tokens") + F("output_tokens")), paid=Sum("cost")
    )
    taken = [group for group in groups if group["status"] != Status.ERROR]
    sources: dict[str, Source] = {}
    unpriced: list[Unpriced] = []
    for group in taken:
        source, calls, tokens = group["price_source"], int(group["calls"]), int(group["counted"])
        if source == PRICED_BY_NONE:
            unpriced.append(Unpriced(group["provider"], group["model"], group["service_tier"], calls, tokens))
            continue
        known = sources.get(source, Source(source, 0, 0, Decimal(0)))
        sources[source] = Source(source, known.requests + calls, known.tokens + tokens, known.cost + group["paid"])
    return Coverage(
        requests=sum(int(group["calls"]) for group in taken),
        tokens=sum(int(group["counted"]) for group in taken),
        failed_requests=sum(int(group["calls"]) for group in groups if group["status"] == Status.ERROR),
        sources=tuple(sorted(sources.values(), key=lambda one: (-one.tokens, -one.requests, one.price_source))),
        unpriced=tuple(sorted(unpriced, key=lambda one: (-one.tokens, -one.requests, one.provider, one.model))),
    )

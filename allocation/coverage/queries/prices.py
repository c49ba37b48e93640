"""How much of usage has a price, who stated the price, and what has none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, Sum

from allocation.usage.models import PRICED_BY_NONE, UNMEASURED, Status, UsageRecord, UsageRecordQuerySet
from allocation.usage.operations import pricing_context_for
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
    """Usage of a model and service tier that has no price. Of `unmeasured_requests` nobody states what they used."""

    provider: str
    model: str
    service_tier: str
    requests: int
    tokens: int
    unmeasured_requests: int = 0

    @property
    def lacking_requests(self) -> int:
        """Those that a price would give a cost."""
        return self.requests - self.unmeasured_requests


@dataclass(frozen=True, slots=True)
class PricedModel:
    """Usage of a model and service tier in one organisation, and what its price list of today prices it by: `entry` of
    a book or model of the catalogue, found by its exact name, an alias or a pattern; empty where nothing does.
    Of `partly_unpriced_requests` the cost leaves something out.
    """

    organisation: str
    provider: str
    model: str
    service_tier: str
    requests: int
    partly_unpriced_requests: int
    tokens: int
    cost: Decimal
    entry_source: str
    entry: str
    matched: str


@dataclass(frozen=True, slots=True)
class PartlyUnpricedModel:
    """Requests of a model and service tier whose cost leaves out `meters`, which were counted and have no price."""

    provider: str
    model: str
    service_tier: str
    meters: tuple[str, ...]
    requests: int


@dataclass(frozen=True, slots=True)
class PriceCoverage:
    """Usage of calls that did not fail; `failed_requests` counts the others. The lists have the largest first, by
    tokens, then requests.
    """

    requests: int
    tokens: int
    failed_requests: int
    sources: tuple[SourceTotals, ...]
    unpriced: tuple[UnpricedModel, ...]
    models: tuple[PricedModel, ...]

    @property
    def partly_unpriced_requests(self) -> int:
        return sum(model.partly_unpriced_requests for model in self.models)

    @property
    def unmeasured_requests(self) -> int:
        return sum(model.unmeasured_requests for model in self.unpriced)

    @property
    def cost(self) -> Decimal:
        """What the priced requests cost."""
        return sum((source.cost for source in self.sources), Decimal(0))

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
    groups = list(
        _records(actor, scope_id, since, until)
        .values("scope_id", "status", "price_source", "provider", "model", "service_tier")
        .annotate(
            calls=Sum("requests"),
            counted=Sum(F("input_tokens") + F("output_tokens")),
            paid=Sum("cost", default=Decimal(0)),
            partly=Sum("requests", filter=~Q(unpriced_meters=[]), default=0),
            unmeasured=Sum("requests", filter=UNMEASURED, default=0),
        )
    )
    taken = [group for group in groups if group["status"] != Status.ERROR]
    unpriced = _unpriced(group for group in taken if group["price_source"] == PRICED_BY_NONE)
    sources: dict[str, SourceTotals] = {}
    for group in taken:
        source, calls, tokens = group["price_source"], int(group["calls"]), int(group["counted"])
        if source == PRICED_BY_NONE:
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
        models=tuple(
            sorted(
                _models(taken, until),
                key=lambda row: (-row.tokens, -row.requests, row.organisation, row.provider, row.model),
            )
        ),
    )


def partly_unpriced(
    *, actor: Actor, scope_id: int | None, since: datetime, until: datetime
) -> list[PartlyUnpricedModel]:
    """As `price_coverage`: what costs of priced calls leave out, the most requests first."""
    groups = (
        _records(actor, scope_id, since, until)
        .partly_unpriced()
        .values("provider", "model", "service_tier", "unpriced_meters")
        .annotate(calls=Sum("requests"))
    )
    models = [
        PartlyUnpricedModel(
            group["provider"],
            group["model"],
            group["service_tier"],
            tuple(group["unpriced_meters"]),
            int(group["calls"]),
        )
        for group in groups
    ]
    return sorted(models, key=lambda row: (-row.requests, row.provider, row.model, row.service_tier, row.meters))


def _records(actor: Actor, scope_id: int | None, since: datetime, until: datetime) -> UsageRecordQuerySet:
    records = UsageRecord.objects.visible_to(actor).filter(occurred_at__gte=since, occurred_at__lt=until)
    return records if scope_id is None else records.filter(scope_id__in=scope_tree().descendants(scope_id))


Group = Mapping[str, Any]


def _unpriced(groups: Iterable[Group]) -> list[UnpricedModel]:
    sums: dict[tuple[str, str, str], list[int]] = {}
    for group in groups:
        known = sums.setdefault((group["provider"], group["model"], group["service_tier"]), [0, 0, 0])
        for place, name in enumerate(("calls", "counted", "unmeasured")):
            known[place] += int(group[name])
    return [UnpricedModel(*names, *counts) for names, counts in sums.items()]


def _models(groups: Iterable[Group], until: datetime) -> Iterator[PricedModel]:
    """By organisation, model and service tier; matched by the price lists of now for the last instant of the period."""
    tree, at = scope_tree(), until - timedelta(microseconds=1)
    sums: dict[tuple[int, str, str, str], list[Any]] = {}
    for group in groups:
        root = tree.by_id[group["scope_id"]].root_id
        key = (root, group["provider"], group["model"], group["service_tier"])
        known = sums.setdefault(key, [0, 0, 0, Decimal(0)])
        for place, name in enumerate(("calls", "partly", "counted", "paid")):
            known[place] += group[name]
    if not sums:
        return
    organisations = pricing_context_for(key_scope_id=None, at=until).organisations
    for (root, *names), (calls, partly, tokens, paid) in sums.items():
        provider, model, service_tier = names
        match = organisations[root].prices.match(provider, model, service_tier, at)
        matched = ("", "", "") if match is None else (match.source, match.entry, match.how)
        yield PricedModel(
            tree.by_id[root].path, provider, model, service_tier, int(calls), int(partly), int(tokens), paid, *matched
        )

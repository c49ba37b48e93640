"""`kind: SharedCostSplit`: a pool of shared cost, who receives it, and by which method."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from allocation.commitments.documents import MonthlyAmount
from governance.calendar.engine import check_validity
from governance.documents import Document, NamedMetadata, Part, ScopePath, Slug
from governance.scopes.engine import is_at_or_below

WHOLE = 100
Percent = Annotated[Decimal, Field(ge=0, le=WHOLE, decimal_places=6, allow_inf_nan=False)]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ScopeKind = Literal["business_unit", "team", "product", "workload", "agent"]


class UsagePool(Part):
    """The direct usage cost of a scope and all below it, and what other pools gave to them."""

    source: Literal["usage"]
    scope: ScopePath


class AmountPool(Part):
    """An amount that no usage record holds: a licence, a reserved node. `held_by` is the scope it is shared from."""

    source: Literal["amount"]
    amount_per_month: MonthlyAmount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    held_by: ScopePath


class CommitmentPool(Part):
    """`idle`: what a commitment costs beyond what the usage it covers was booked at; `whole`: all it costs."""

    source: Literal["commitment"]
    commitment: Slug
    part: Literal["idle", "whole"] = "idle"
    held_by: ScopePath


PoolSpec = Annotated[UsagePool | AmountPool | CommitmentPool, Field(discriminator="source")]


class Listed(Part):
    """`until`: the first day on which the scope does not take part any more."""

    scope: ScopePath
    until: date | None = None


def _listed(value: Any) -> Any:
    return {"scope": value} if isinstance(value, str) else value


class Matching(Part):
    """Every scope below `below` of one of the kinds with all the labels; the pool's own scopes never."""

    below: ScopePath
    kinds: Annotated[tuple[ScopeKind, ...], Field(max_length=5)] = ()
    labels: dict[str, str] = {}
    exclude: Annotated[tuple[ScopePath, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        if not self.kinds and not self.labels:
            raise ValueError("give kinds or labels, or both: a scope and the scopes below it would share twice")
        return self


class Recipients(Part):
    """Either `scopes`, one by one, or `matching`."""

    scopes: Annotated[tuple[Annotated[Listed, BeforeValidator(_listed)], ...], Field(max_length=10_000)] = ()
    matching: Matching | None = None

    @model_validator(mode="after")
    def _one_way_of_naming(self) -> Self:
        if bool(self.scopes) == (self.matching is not None):
            raise ValueError("give either scopes or matching")
        seen: set[str] = set()
        for position, listed in enumerate(self.scopes):
            if listed.scope in seen:
                raise ValueError(f"scopes.{position}: {listed.scope} stands there twice")
            seen.add(listed.scope)
        return self


class Method(StrEnum):
    """How a pool is split, as its document and its run name it."""

    EVEN = "even"
    PROPORTIONAL = "proportional"
    FIXED = "fixed"
    BY_METRIC = "by_metric"


class Even(Part):
    how: Literal["even"]


class Proportional(Part):
    """To the recipients' own usage in the month; usage counts for the nearest recipient at or above it."""

    how: Literal["proportional"]
    to: Literal["cost", "tokens", "requests", "gpu_seconds"]


class Fixed(Part):
    how: Literal["fixed"]
    percent: Annotated[dict[ScopePath, Percent], Field(min_length=1, max_length=10_000)]

    @model_validator(mode="after")
    def _is_the_whole(self) -> Self:
        total = sum(self.percent.values(), Decimal(0))
        if total != WHOLE:
            raise ValueError(f"percent sums to {total:f}; it must sum to exactly 100")
        return self


class ByMetric(Part):
    """By a metric that is sent to POST /api/v1/allocation-metrics. `latest`: each scope's last value of the month."""

    how: Literal["by_metric"]
    metric: MetricName
    aggregate: Literal["sum", "latest"] = "sum"


MethodSpec = Annotated[Even | Proportional | Fixed | ByMetric, Field(discriminator="how")]


class SplitSpec(Part):
    """In force from the month that begins on `effective_from` to before `effective_to`. A later version takes over
    from its own first month on; the months before it keep the version they had.

    `when_zero`: what happens when nobody used anything. `departed`: what happens to the part of a recipient that is no
    longer there, or whose `until` has come, at the end of the month.
    """

    organisation: Slug
    effective_from: date
    effective_to: date | None = None
    pool: PoolSpec
    recipients: Recipients
    method: MethodSpec
    when_zero: Literal["even", "keep_in_pool", "fail"]
    departed: Literal["redistribute", "keep_in_pool", "to_parent"]

    @property
    def origin(self) -> str:
        """Path of the scope that the cost is shared from."""
        return self.pool.scope if isinstance(self.pool, UsagePool) else self.pool.held_by

    def is_of_the_pool(self, path: str, origin: str) -> bool:
        """Whether the scope's cost is what is shared: at or below the origin of a pool of usage, else the
        origin alone.
        """
        return is_at_or_below(path, origin) if isinstance(self.pool, UsagePool) else path == origin

    @model_validator(mode="after")
    def _holds_whole_months(self) -> Self:
        for name in ("effective_from", "effective_to"):
            day: date | None = getattr(self, name)
            if day is not None and day.day != 1:
                raise ValueError(f"{name}: cost is shared by whole months; write the first day of one")
        check_validity(self.effective_from, self.effective_to)
        return self

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        matching = self.recipients.matching
        named = [
            ("pool", self.origin),
            *((f"recipients.scopes: {listed.scope}", listed.scope) for listed in self.recipients.scopes),
        ]
        if matching is not None:
            named.append(("recipients.matching.below", matching.below))
        for where, path in named:
            if path.partition("/")[0] != self.organisation:
                raise ValueError(f"{where}: {path} lies outside {self.organisation}")
        return self

    @model_validator(mode="after")
    def _does_not_give_to_itself(self) -> Self:
        for listed in self.recipients.scopes:
            if self.is_of_the_pool(listed.scope, self.origin):
                raise ValueError(
                    f"recipients.scopes: {listed.scope} is the pool itself ({self.origin}) or lies in it; take it off"
                )
        return self

    @model_validator(mode="after")
    def _gives_every_recipient_a_percentage(self) -> Self:
        if isinstance(self.method, Fixed):
            paths = {listed.scope for listed in self.recipients.scopes}
            if missing := sorted(paths ^ self.method.percent.keys()):
                raise ValueError(
                    f"method.percent and recipients.scopes must name the same scopes; {missing[0]} is in one only"
                )
        return self


class SharedCostSplitDocument(Document):
    kind: Literal["SharedCostSplit"]
    metadata: NamedMetadata
    spec: SplitSpec

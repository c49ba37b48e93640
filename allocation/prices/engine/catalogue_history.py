"""What earlier releases of the catalogue said of a model, and which release's price holds at an instant.

A release changes prices without saying from when. What it replaced holds until the installation first ran with it. A
start date that the catalogue itself states comes before that, where the release is the first to state it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint

# What the catalogue calls a service tier, such as {"processing": "batch"}; None is the standard tier.
Context = dict[str, str] | None
Names = tuple[str, str]


class Statement(NamedTuple):
    """A model as the release `version` states it. `until` is when the installation first ran with a release that says
    something else of it; None: the release in use says so.
    """

    version: str
    model: ModelInfo
    until: datetime | None


class Listed(NamedTuple):
    """The statement that prices a call, and the name of the call's service tier in it."""

    version: str
    model: ModelInfo
    context: Context


@dataclass(frozen=True, slots=True)
class EarlierPrices:
    """Statements that no longer hold, by the catalogue's provider and model, each model's oldest first."""

    by_model: Mapping[Names, Sequence[Statement]] = field(default_factory=dict)
    _by_provider: dict[str, list[Statement]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for (provider, _), statements in self.by_model.items():
            self._by_provider.setdefault(provider, []).extend(statements)

    def of(self, provider: str, name: str, known: ModelInfo | None, listed: Sequence[ModelInfo]) -> list[Statement]:
        """Statements, oldest first, about the model that the catalogue finds by this name, `known`, and about models
        that it no longer has among those `listed` of the provider and had by this name.
        """
        ids = {model.id for model in listed}
        return sorted(
            (
                statement
                for statement in self._by_provider.get(provider, ())
                if (known is not None and statement.model.id == known.id)
                or (statement.model.id not in ids and statement.model.is_match(name))
            ),
            key=_ended,
        )


NOTHING_EARLIER = EarlierPrices()


def _ended(statement: Statement) -> float:
    return float("inf") if statement.until is None else statement.until.timestamp()


def in_force(statements: Sequence[Statement], contexts: Sequence[Context], at: datetime) -> Listed | None:
    """The statement that prices a call at `at`, of those of one model, oldest first; of `contexts` the first that it
    states holds. What an earlier release has no price for has the price of the first that states one.
    """
    holding = [
        Listed(statement.version, statement.model, context)
        for statement in statements
        if statement.until is None or statement.until > at
        for context in _stated(statement.model, contexts, at)
    ]
    for earlier, later in reversed(list(pairwise(holding))):
        start = _start_in_force(later, at)
        if start is not None and start not in _starts(earlier):
            return later
    return holding[0] if holding else None


def _stated(model: ModelInfo, contexts: Sequence[Context], at: datetime) -> Iterator[Context]:
    """The first of the contexts in which the model has a price; none where it has none."""
    for context in contexts:
        if context is None:
            is_stated = any(price is not None for price in vars(model.get_prices(at)).values())
        else:
            is_stated = any(
                variant.when == context and (variant.constraint is None or variant.constraint.active(at))
                for variant in model.price_variants or ()
            )
        if is_stated:
            yield context
            return


def _starts(listed: Listed) -> Sequence[date]:
    """The start dates stated for the service tier; the last of them that has come is in force."""
    if listed.context is not None:
        constraints = [
            variant.constraint
            for variant in reversed(listed.model.price_variants or ())
            if variant.when == listed.context
        ]
    elif isinstance(listed.model.prices, ModelPrice):
        return ()
    else:
        constraints = [price.constraint for price in listed.model.prices]
    return [constraint.start_date for constraint in constraints if isinstance(constraint, StartDateConstraint)]


def _start_in_force(listed: Listed, at: datetime) -> date | None:
    return next((start for start in reversed(_starts(listed)) if StartDateConstraint(start).active(at)), None)

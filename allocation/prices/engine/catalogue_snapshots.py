"""The prices of a release of the catalogue as JSON, and what a newer one says otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ConditionalPrice,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)
from pydantic import TypeAdapter
from pydantic_core import to_json

from allocation.prices.engine.catalogue_history import EarlierPrices, Statement

Json = dict[str, Any]
# By the catalogue's provider, then model.
Stated = Mapping[str, Mapping[str, Json]]
_MATCH: TypeAdapter[Any] = TypeAdapter(MatchLogic)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of the catalogue."""

    version: str
    providers: Sequence[Provider]

    def stated(self) -> dict[str, dict[str, Json]]:
        """All it says of prices."""
        return {
            provider.id: {model.id: written_model(model) for model in provider.models} for provider in self.providers
        }


def installed() -> Release:
    """The release that this process prices with."""
    return Release(genai_prices.__version__, get_snapshot().providers)


def digest_of(stated: Stated) -> str:
    """Of the content, whatever the order of its parts."""
    ordered = {provider: dict(sorted(models.items())) for provider, models in sorted(stated.items())}
    return sha256(to_json(ordered)).hexdigest()


def replaced(before: Stated, after: Stated) -> dict[str, dict[str, Json]]:
    """What `before` said of the models whose prices are others in `after`, or that are gone there."""
    changed = {
        provider: {
            model: said
            for model, said in models.items()
            if _prices(after.get(provider, {}).get(model)) != _prices(said)
        }
        for provider, models in before.items()
    }
    return {provider: models for provider, models in changed.items() if models}


def _prices(said: Json | None) -> object:
    return None if said is None else (said["prices"], said["variants"])


def earlier_prices(snapshots: Iterable[tuple[str, datetime, Stated]]) -> EarlierPrices:
    """Of snapshots in their order: the version before, when the newer one was taken, and what it replaced."""
    by_model: dict[tuple[str, str], list[Statement]] = {}
    for version, until, stated in snapshots:
        for provider, models in stated.items():
            for model, said in models.items():
                by_model.setdefault((provider, model), []).append(Statement(version, read_model(model, said), until))
    return EarlierPrices(by_model)


def written_model(model: ModelInfo) -> Json:
    """Its prices, and the names it goes by."""
    prices = model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]
    return {
        "match": _written_match(model.match),
        "prices": [{"prices": _written_prices(each.prices), **_written_condition(each.constraint)} for each in prices],
        "variants": [
            {"when": each.when, "prices": _written_prices(each.prices), **_written_condition(each.constraint)}
            for each in model.price_variants or ()
        ],
    }


def read_model(name: str, said: Json) -> ModelInfo:
    """As `written_model` wrote it."""
    return ModelInfo(
        id=name,
        match=_MATCH.validate_python(said["match"]),
        prices=[
            ConditionalPrice(_read_condition(each), prices=_read_prices(each["prices"])) for each in said["prices"]
        ],
        price_variants=[
            PriceVariant(each["when"], _read_prices(each["prices"]), _read_condition(each)) for each in said["variants"]
        ],
    )


def _written_match(logic: object) -> Json:
    match logic:
        case ClauseOr(or_=clauses):
            return {"or": [_written_match(clause) for clause in clauses]}
        case ClauseAnd(and_=clauses):
            return {"and": [_written_match(clause) for clause in clauses]}
        case ClauseStartsWith() | ClauseEndsWith() | ClauseContains() | ClauseRegex() | ClauseEquals():
            return dict(vars(logic))
        case _:
            raise TypeError(f"the catalogue matches names in a way that is not known: {logic}")


def _written_prices(price: ModelPrice) -> Json:
    return {key: _written_price(amount) for key, amount in sorted(vars(price).items()) if amount is not None}


def _written_price(amount: Decimal | TieredPrices) -> object:
    if isinstance(amount, TieredPrices):
        return {"base": _number(amount.base), "tiers": [[tier.start, _number(tier.price)] for tier in amount.tiers]}
    return _number(amount)


def _number(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _read_prices(written: Json) -> ModelPrice:
    return ModelPrice(**{key: _read_price(amount) for key, amount in written.items()})


def _read_price(written: Any) -> Decimal | TieredPrices:
    if isinstance(written, str):
        return Decimal(written)
    tiers = [Tier(start, Decimal(price)) for start, price in written["tiers"]]
    return TieredPrices(Decimal(written["base"]), tiers)


def _written_condition(constraint: object) -> Json:
    match constraint:
        case None:
            return {}
        case StartDateConstraint(start_date=start):
            return {"start_date": start.isoformat()}
        case TimeOfDateConstraint(start_time=start, end_time=end):
            return {"start_time": start.isoformat(), "end_time": end.isoformat()}
        case _:
            raise TypeError(f"the catalogue states a condition that is not known: {constraint}")


def _read_condition(written: Json) -> StartDateConstraint | TimeOfDateConstraint | None:
    if "start_date" in written:
        return StartDateConstraint(date.fromisoformat(written["start_date"]))
    if "start_time" in written:
        return TimeOfDateConstraint(time.fromisoformat(written["start_time"]), time.fromisoformat(written["end_time"]))
    return None

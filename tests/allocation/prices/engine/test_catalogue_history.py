import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider

from allocation.prices.engine.catalogue import VERSION, catalogue_entry
from allocation.prices.engine.catalogue_history import EarlierPrices
from allocation.prices.engine.catalogue_snapshots import (
    Release,
    digest_of,
    earlier_prices,
    installed,
    read_model,
    replaced,
)
from allocation.prices.engine.exchange import ExchangeRates, exchange_rates
from allocation.prices.engine.pricing import PriceList
from allocation.prices.engine.rates import NANO, RateCard
from tests.allocation.prices.invented_catalogue import in_use, model, provider

NOON_OF_10, NOON_OF_20 = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (10, 20))
# First run on 1 January 2026 or whenever, on 10 November and on 20 November.
TAKEN = (datetime(2026, 1, 1, tzinfo=UTC), NOON_OF_10, NOON_OF_20)


def history(releases: Sequence[list[Provider]]) -> EarlierPrices:
    """Of releases 1.0, 1.1 …; the last of them is in use."""
    stated = [Release(f"1.{number}", providers).stated() for number, providers in enumerate(releases)]
    return earlier_prices(
        (f"1.{number}", TAKEN[number + 1], replaced(before, after))
        for number, (before, after) in enumerate(pairwise(stated))
    )


def priced(
    releases: Sequence[Sequence[ModelInfo]], at: str, *, tier: str = "standard", name: str = "glow-9"
) -> tuple[str, str] | None:
    """Dollars per million tokens of input, and whose price it is."""
    catalogues = [provider(*models) for models in releases]
    with in_use(catalogues[-1]):
        prices = PriceList("USD", earlier=history(catalogues))
        card = prices.at("lumen", name, tier, datetime.fromisoformat(at).replace(tzinfo=UTC))
    if not isinstance(card, RateCard):
        return None
    return str(Decimal(card.cost_nanos(1_000_000, 0, 0, 0, 0, 1, 0)) / NANO), card.version


ONE, TWO, THREE = (model("glow", price) for price in "123")
OTHER = model("dim", "9")


@pytest.mark.parametrize(
    ("releases", "at", "wanted", "why"),
    [
        ([[ONE]], "2026-11-05", ("1", VERSION), "the only release holds for all the past"),
        ([[ONE], [TWO]], "2020-01-01", ("1", "1.0"), "the first release holds for all the past"),
        ([[ONE], [TWO]], "2026-11-10T11:59:59", ("1", "1.0"), "until the newer one is there"),
        ([[ONE], [TWO]], "2026-11-10T12:00", ("2", VERSION), "from the instant it is"),
        ([[ONE], [TWO]], "2026-11-25", ("2", VERSION), "and later"),
        ([[ONE], [TWO], [THREE]], "2026-11-05", ("1", "1.0"), "the first of three"),
        ([[ONE], [TWO], [THREE]], "2026-11-15", ("2", "1.1"), "the second of three"),
        ([[ONE], [TWO], [THREE]], "2026-11-25", ("3", VERSION), "the third of three"),
        ([[ONE], [ONE, OTHER], [TWO]], "2026-11-05", ("1", "1.1"), "the last release that said so is named"),
        ([[ONE], [TWO], [ONE]], "2026-11-15", ("2", "1.1"), "a change that was taken back held meanwhile"),
        ([[ONE], [model("glow", [(None, "1"), (5, "2")])]], "2026-11-04", ("1", "1.0"), "before a stated date"),
        ([[ONE], [model("glow", [(None, "1"), (5, "2")])]], "2026-11-05", ("2", VERSION), "a stated date wins"),
        ([[ONE], [model("glow", [(None, "2"), (5, "3")])]], "2026-11-04", ("1", "1.0"), "what came before has no date"),
        (
            [[ONE], [model("glow", [(None, "1"), (5, "2")])], [TWO]],
            "2026-11-06", ("2", "1.1"), "a date that a later release leaves out",
        ),
        (
            [[model("glow", [(None, "1"), (3, "2")])], [model("glow", [(None, "1"), (3, "3")])]],
            "2026-11-05", ("2", "1.0"), "another price under an old date says not since when",
        ),
        (
            [[model("glow", [(None, "1"), (25, "2")])], [model("glow", [(None, "1"), (28, "2")])]],
            "2026-11-26", ("1", VERSION), "a date that was put off before it came",
        ),
        ([[OTHER], [OTHER, TWO]], "2026-11-05", ("2", VERSION), "a model that is new has its first price"),
        ([[OTHER], [OTHER, TWO], [THREE]], "2026-11-05", ("2", "1.1"), "its first, not its last"),
        ([[ONE, OTHER], [OTHER]], "2026-11-05", ("1", "1.0"), "a model that is gone had a price"),
        ([[ONE, OTHER], [OTHER]], "2026-11-15", None, "and has none any more"),
        ([[ONE], [model("glow-9", "2")]], "2026-11-05", ("1", "1.0"), "a model that got another name"),
    ],
)  # fmt: skip
def test_the_release_of_its_time_prices_a_call(
    releases: list[list[ModelInfo]], at: str, wanted: tuple[str, str] | None, why: str
) -> None:
    assert priced(releases, at) == wanted, why


@pytest.mark.parametrize(
    ("before", "after", "at", "wanted", "why"),
    [
        ("1", "2", "2026-11-05", ("1", "1.0"), "its own price, of its time"),
        ("1", [(5, "2")], "2026-11-06", ("2", VERSION), "a date of its own"),
        ((), "2", "2026-11-05", ("2", VERSION), "a service tier that is new"),
        ("1", (), "2026-11-05", ("1", "1.0"), "a service tier that is gone"),
        ("1", (), "2026-11-15", None, "and stays gone"),
    ],
)
def test_a_service_tier_has_prices_of_its_own(
    before: str, after: str, at: str, wanted: tuple[str, str] | None, why: str
) -> None:
    releases = [[model("glow", "4", before)], [model("glow", "4", after)]]
    assert priced(releases, at, tier="batch") == wanted, why


def test_an_earlier_price_is_converted_by_the_rate_of_the_day() -> None:
    catalogues = [provider(ONE), provider(TWO)]
    rates: ExchangeRates = exchange_rates("EUR", [("USD", "EUR", date(2026, 11, 1), Decimal("0.5"))])
    with in_use(catalogues[-1]):
        card = PriceList("EUR", rates=rates, earlier=history(catalogues)).at(
            "lumen", "glow-9", "standard", datetime(2026, 11, 5, tzinfo=UTC)
        )
    assert isinstance(card, RateCard)
    assert (card.version, card.cost_nanos(1_000_000, 0, 0, 0, 0, 1, 0)) == ("1.0 USD 0.5 2026-11-01", NANO // 2)


def test_only_what_changed_is_kept() -> None:
    before, after = (
        Release("x", provider(*models)).stated() for models in ([ONE, OTHER, model("old", "5")], [TWO, OTHER])
    )
    changed = replaced(before, after)
    assert {name: list(models) for name, models in changed.items()} == {"lumen": ["glow", "old"]}
    assert changed["lumen"]["glow"] == {
        "match": {"starts_with": "glow-"}, "prices": [{"prices": {"input_mtok": "1"}}], "variants": []
    }  # fmt: skip


def test_the_installed_catalogue_is_read_as_it_was_written() -> None:
    stated = installed().stated()
    again = Release(
        "x",
        [
            Provider(entry.id, "", "", models=[read_model(name, said) for name, said in stated[entry.id].items()])
            for entry in get_snapshot().providers
        ],
    ).stated()
    assert digest_of(again) == digest_of(stated)


def test_a_model_prices_the_same_from_a_snapshot_as_from_the_catalogue() -> None:
    dice = random.Random(20261128)
    at = datetime(2026, 11, 24, 3, tzinfo=UTC)
    stated = installed().stated()
    # As if each model had been dearer since a moment ago: the earlier prices are today's.
    earlier = earlier_prices([(VERSION, datetime(2026, 11, 25, tzinfo=UTC), stated)])
    models = [(entry.id, each.id) for entry in get_snapshot().providers for each in entry.models]
    for maker, name in dice.sample(models, 300):
        for tier in ("standard", "batch"):
            now = catalogue_entry(maker, name, tier, at)
            then = catalogue_entry(maker, name, tier, at, earlier=earlier)
            assert _priced_alike(now, at) == _priced_alike(then, at), (maker, name, tier)


def _priced_alike(entry: object, at: datetime) -> object:
    card = entry.at(at) if hasattr(entry, "at") else entry
    return (card.tiers, card.version, str(card)) if isinstance(card, RateCard) else str(card)

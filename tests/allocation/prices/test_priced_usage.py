"""What calls cost by an imported price list, against a calculation of its own straight from the list's JSON."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import time_machine

from allocation.meters.documents import EVENT, UsageEvent
from allocation.prices.importers.litellm import read_litellm
from allocation.prices.operations import BookTerms, import_prices
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, SYSTEM, Client, document, needs_shared_data
from tests.allocation.prices.operations.test_price_books import apply_book

pytestmark = pytest.mark.long

LIST = SHARED / "prices" / "litellm_1.106.2_model_prices.json"
SEED = 11
MODELS = 200
TIERS = {"standard": "", "batch": "_batches", "flex": "_flex", "priority": "_priority"}
# (input, cached, output)
CALLS = ((1_234, 0, 567), (98_765, 43_210, 1_001), (1, 0, 0), (150_001, 0, 9), (250_007, 250_000, 31), (300_011, 7, 3))

Row = dict[str, Any]


def rows() -> dict[str, Row]:
    """Every price as an exact fraction of its text."""
    listed: dict[str, Row] = json.loads(LIST.read_text(), parse_float=Fraction, parse_int=Fraction)
    return listed


def rate(row: Row, name: str, above: str, tier: str) -> Fraction | None:
    """The most particular price that the row states; none for a service tier that does not state its own where the
    standard one has another.
    """
    if tier and above and f"{name}{above}" in row and f"{name}{above}{tier}" not in row:
        return None
    names = (f"{name}{above}{tier}", f"{name}{above}", f"{name}{tier}", name)
    return next((row[each] for each in names if each in row), None)


def cost(row: Row, tier: str, tokens: tuple[int, int, int]) -> Fraction | None:
    whole, cached, output = tokens
    prefix, suffix = "input_cost_per_token_above_", "k_tokens"
    parts = [part.removesuffix(TIERS[tier]) for part in row if part.startswith(prefix)]
    bounds = {int(part.removeprefix(prefix).removesuffix(suffix)) for part in parts if part.endswith(suffix)}
    exceeded = [bound for bound in bounds if whole > bound * 1000]
    above = f"_above_{max(exceeded)}k_tokens" if exceeded else ""
    fresh_rate = rate(row, "input_cost_per_token", above, TIERS[tier]) or Fraction(0)
    cached_rate = rate(row, "cache_read_input_token_cost", above, TIERS[tier])
    output_rate = rate(row, "output_cost_per_token", above, TIERS[tier]) or Fraction(0)
    total = (
        (whole - cached) * fresh_rate
        + cached * (fresh_rate if cached_rate is None else cached_rate)
        + output * output_rate
    )  # fmt: skip
    is_unstated = rate(row, "input_cost_per_token", above, TIERS[tier]) is None
    return None if is_unstated and not total else total


def nine_places(amount: Fraction | None) -> Decimal | None:
    return None if amount is None else Decimal(round(amount * 10**9)) / 10**9


def call(number: int, provider: str, model: str, tier: str, tokens: tuple[int, int, int]) -> UsageEvent:
    whole, cached, output = tokens
    return EVENT.validate_json(
        json.dumps(
            document(
                id=str(number), provider=provider, model=model, service_tier=tier,
                tokens={"input": whole, "cached_input": cached, "output": output},
            )
        )
    )  # fmt: skip


def drawn(listed: dict[str, Row], usable: set[str]) -> Iterator[tuple[str, str, Row]]:
    priced = [
        name for name, row in sorted(listed.items())
        if name in usable and row.get("input_cost_per_token") and "tiered_pricing" not in row
    ]  # fmt: skip
    for name in random.Random(SEED).sample(priced, MODELS):
        provider = listed[name]["litellm_provider"]
        provider = "vertex_ai" if provider.startswith("vertex_ai") else provider
        provider = {"bedrock_converse": "bedrock", "fireworks_ai-embedding-models": "fireworks_ai"}.get(
            provider, provider
        )
        yield provider, name.removeprefix(f"{provider}/"), listed[name]


@pytest.fixture
def usable(acme: Scope) -> set[str]:
    """The names of the rows that the price book of the test was made of."""
    found = read_litellm(LIST.read_text(), effective_from=datetime(2026, 1, 1, tzinfo=UTC))
    import_prices(
        organisation="acme", name="litellm", entries=found.entries, terms=BookTerms(), reason="", actor=SYSTEM, at=AT
    )
    return rows().keys() - {one.name for one in found.unusable}


@needs_shared_data
def test_two_hundred_models_cost_what_the_list_says(acme: Scope, usable: set[str]) -> None:
    wanted: dict[str, Decimal | None] = {}
    events: list[UsageEvent] = []
    tried = {"tiers": 0, "contexts": 0}
    for provider, model, row in drawn(rows(), usable):
        for tier, suffix in TIERS.items():
            if suffix and not any(part.endswith(suffix) for part in row):
                continue
            tried["tiers"] += bool(suffix)
            tried["contexts"] += any("k_tokens" in part for part in row)
            for tokens in CALLS:
                made = call(len(events), provider, model, tier, tokens)
                events.append(made)
                wanted[made.id] = nine_places(cost(row, tier, tokens))
    assert tried["tiers"] > 50
    assert tried["contexts"] > 20
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT).rejected == ()
    records = UsageRecord.objects.values_list("event_id", "provider", "model", "service_tier", "price_source", "cost")
    wrong = [
        record for record in records
        if record[4:] != ("none" if wanted[record[0]] is None else "pricebook:litellm", wanted[record[0]])
    ]  # fmt: skip
    assert 0 < sum(amount is None for amount in wanted.values()) < 60
    assert wrong == []
    assert len(records) == len(wanted) > MODELS * len(CALLS)


@needs_shared_data
def test_models_priced_by_ranges_of_input_cost_what_the_list_says(acme: Scope, usable: set[str]) -> None:
    wanted: dict[str, Decimal | None] = {}
    events: list[UsageEvent] = []
    for name, row in sorted(rows().items()):
        ranges = [each for each in row.get("tiered_pricing", ()) if "range" in each] if name in usable else []
        if not ranges:
            continue
        for whole in (1_000, 32_000, 32_001, 128_000, 128_001, 256_001):
            held = max((each for each in ranges if whole > each["range"][0]), key=lambda each: each["range"][0])
            made = call(len(events), row["litellm_provider"], name.partition("/")[2], "standard", (whole, 0, 100))
            events.append(made)
            wanted[made.id] = nine_places(whole * held["input_cost_per_token"] + 100 * held["output_cost_per_token"])
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert dict(UsageRecord.objects.values_list("event_id", "cost")) == wanted
    assert len(wanted) > 100


NOON = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: contract}
spec:
  organisation: acme
  prices:
    - {provider: openai, model: gpt-4o, effective_from: 2026-01-01, effective_to: "2026-11-24T12:00:00Z", input: "2",
       output: 0}
    - {provider: openai, model: gpt-4o, effective_from: "2026-11-24T12:00:00Z", input: "3", output: 0}
"""


def test_a_price_that_changes_at_noon_prices_the_minutes_around_it_differently(acme: Scope, client_of: Client) -> None:
    apply_book(NOON)
    times = ("11:59:00Z", "11:59:59.999999Z", "12:00:00Z", "12:01:00Z", "13:01:00+01:00")
    batch = [document(id=f"{place}", occurred_at=f"2026-11-24T{time}") for place, time in enumerate(times)]
    with time_machine.travel(AT, tick=False):
        answer = client_of(acme).post("/api/v1/usage", batch, format="json")
    assert answer.json()["accepted"] == len(times)
    costs = [f"{cost:f}" for cost in UsageRecord.objects.order_by("event_id").values_list("cost", flat=True)]
    assert costs == ["0.002000000", "0.002000000", "0.003000000", "0.003000000", "0.003000000"]

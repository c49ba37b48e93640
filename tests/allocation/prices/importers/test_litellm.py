import json
from decimal import Decimal
from typing import Any

import pytest

from allocation.prices.importers.litellm import read_litellm
from tests.allocation.prices.price_rows import START, decimals, read


def tiers(row: dict[str, Any]) -> dict[tuple[str, int], dict[str, Decimal]]:
    return {(entry.service_tier, entry.above_input_tokens): entry.stated for entry in read(row).entries}


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        pytest.param(
            {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06},
            decimals(input="2.5", cached_input="1.25", output="10"),
            id="tokens are priced per million",
        ),
        pytest.param(
            {"cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06},
            decimals(cache_write="3.75", cache_write_1h="6"),
            id="written for five minutes and for an hour",
        ),
        pytest.param(
            {"output_cost_per_token": 4e-07, "output_cost_per_reasoning_token": 4e-07},
            decimals(output="0.4"),
            id="reasoning at the price of output follows output",
        ),
        pytest.param(
            {"output_cost_per_token": 4e-07, "output_cost_per_reasoning_token": 4e-06},
            decimals(output="0.4", reasoning="4"),
            id="reasoning at a price of its own",
        ),
        pytest.param(
            {"input_cost_per_audio_token": 1e-05, "output_cost_per_audio_token": 2e-05},
            decimals(audio_input="10", audio_output="20"),
            id="audio tokens",
        ),
        pytest.param(
            {"mode": "audio_transcription", "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001},
            decimals(audio_second="0.0001"),
            id="seconds of a transcription, stated twice, count once",
        ),
        pytest.param(
            {"mode": "video_generation", "output_cost_per_second": 0.1}, decimals(video_second="0.1"), id="video"
        ),
        pytest.param({"input_cost_per_character": 1.5e-05}, decimals(character="15"), id="characters per million"),
        pytest.param({"output_cost_per_image": 0.04, "input_cost_per_image": 0}, decimals(image="0.04"), id="images"),
        pytest.param({"input_cost_per_pixel": 1.9e-08}, decimals(megapixel="0.019"), id="pixels as megapixels"),
        pytest.param(
            {"search_context_cost_per_query": {"search_context_size_low": 0.03, "search_context_size_medium": 0.035}},
            decimals(web_search="0.035"),
            id="a search of medium size",
        ),
        pytest.param({"input_cost_per_query": 0.002}, decimals(request="0.002"), id="a query is a request"),
    ],
)
def test_a_row_of_litellm_as_prices(row: dict[str, Any], wanted: dict[str, Decimal]) -> None:
    assert tiers(row) == {("standard", 0): wanted}


def test_prices_keep_every_digit_of_the_text() -> None:
    text = '{"m": {"litellm_provider": "x", "input_cost_per_token": 1.00000000000000017e-07}}'
    (entry,) = read_litellm(text, effective_from=START).entries
    assert entry.input == Decimal("0.100000000000000017")


def test_tiers_take_what_they_do_not_state_from_the_standard_one() -> None:
    row = {
        "input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06, "cache_read_input_token_cost": 5e-07,
        "input_cost_per_token_above_200k_tokens": 4e-06, "input_cost_per_token_batches": 1e-06,
        "input_cost_per_token_above_200k_tokens_batches": 3e-06,
    }  # fmt: skip
    assert tiers(row) == {
        ("standard", 0): decimals(input="2", cached_input="0.5", output="8"),
        ("standard", 200_000): decimals(input="4", cached_input="0.5", output="8"),
        ("batch", 0): decimals(input="1", cached_input="0.5", output="8"),
        ("batch", 200_000): decimals(input="3", cached_input="0.5", output="8"),
    }


@pytest.mark.parametrize("tier", ["ultrafast", "balanced", "overnight"])
def test_a_tier_that_a_vendor_adds_is_a_tier_of_that_name(tier: str) -> None:
    row = {
        "input_cost_per_token": 1e-06, "input_cost_per_image_token": 3e-06, f"input_cost_per_token_{tier}": 6e-06,
        f"input_cost_per_token_above_128k_tokens_{tier}": 9e-06,
    }  # fmt: skip
    assert tiers(row) == {
        ("standard", 0): decimals(input="1", image_input="3"),
        (tier, 0): decimals(input="6", image_input="3"),
        (tier, 128_000): decimals(input="9", image_input="3"),
    }
    assert read(row).left_out == []


def test_a_list_of_ranges_opens_context_tiers() -> None:
    ranges = [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06},
        {"range": [32000.0, 128000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 6e-06},
    ]
    assert tiers({"tiered_pricing": ranges}) == {
        ("standard", 0): decimals(input="1", output="5"), ("standard", 32_000): decimals(input="2", output="6"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "states no price"),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0.0}, "states 0 for everything"),
        ({"cost_per_second": 0.01}, "states no price that a meter stands for (cost_per_second)"),
        ({"input_cost_per_token": -1}, "input: Input should be greater than or equal to 0"),
        ({"input_cost_per_token": 1e9}, "input: Input should be less than or equal to 1000000000"),
        ({"litellm_provider": None, "input_cost_per_token": 1}, "names no provider"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_reason(row: dict[str, Any], reason: str) -> None:
    found = read(row)
    assert found.entries == []
    assert [(one.name, one.reason.startswith(reason)) for one in found.unusable] == [("m", True)]


def test_zeros_are_taken_when_asked_for() -> None:
    assert [entry.stated for entry in read({"input_cost_per_token": 0}, zero_prices=True).entries] == [
        decimals(input="0")
    ]  # fmt: skip


def test_a_price_without_a_meter_is_left_out_by_name() -> None:
    found = read({"input_cost_per_token": 1e-06, "input_cost_per_video_token": 2e-06, "output_cost_per_second_4k": 1})
    assert [(one.field, one.reason) for one in found.left_out] == [
        ("input_cost_per_video_token", "there is no meter for it"),
        ("output_cost_per_second_4k", "a price by resolution: the price without one is taken"),
    ]


def test_of_two_names_for_one_model_the_one_with_its_provider_is_taken() -> None:
    rows = {
        "deepseek-chat": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06},
        "deepseek/deepseek-chat": {"litellm_provider": "deepseek", "input_cost_per_token": 2e-06},
    }
    found = read_litellm(json.dumps(rows), effective_from=START)
    assert [(entry.provider, entry.model, entry.input) for entry in found.entries] == [
        ("deepseek", "deepseek-chat", Decimal(2))
    ]  # fmt: skip
    assert [one.name for one in found.unusable] == ["deepseek-chat"]


def test_only_the_providers_asked_for_under_the_names_they_get() -> None:
    rows = {
        "a": {"litellm_provider": "vertex_ai-language-models", "input_cost_per_token": 1e-06},
        "b": {"litellm_provider": "openai", "input_cost_per_token": 1e-06},
    }
    found = read_litellm(json.dumps(rows), effective_from=START, providers={"vertex_ai": "google"})
    assert ([entry.provider for entry in found.entries], found.rows) == (["google"], 1)

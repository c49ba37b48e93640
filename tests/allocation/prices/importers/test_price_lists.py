"""Price lists of others become versions of a price book; what cannot be used is named."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from allocation.prices import operations
from allocation.prices.documents import PriceSpec
from allocation.prices.importers.litellm import read_litellm
from allocation.prices.importers.price_lists import read_csv
from allocation.prices.models import Price, PriceBook
from allocation.prices.operations import BookTerms, import_prices
from governance.errors import DomainError
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, SYSTEM, needs_shared_data

START = datetime(2026, 1, 1, tzinfo=UTC)
LIST = SHARED / "prices" / "litellm_1.106.2_model_prices.json"


def read(row: dict[str, Any], name: str = "m", **options: Any) -> Any:
    text = json.dumps({name: {"litellm_provider": "openai", "mode": "chat", **row}})
    return read_litellm(text, effective_from=START, **options)


def tiers(row: dict[str, Any]) -> dict[tuple[str, int], dict[str, Decimal]]:
    return {(entry.service_tier, entry.above_input_tokens): entry.stated for entry in read(row).entries}


def decimals(**prices: str) -> dict[str, Decimal]:
    return {meter: Decimal(price) for meter, price in prices.items()}


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


CSV = """provider,model,service_tier,above_input_tokens,effective_from,input,output,web_search
openai,gpt-x,standard,0,,1.10,4.40,0.01
openai,gpt-x,standard,200000,,2.20,,
openai,gpt-y,,,2026-06-01,0.5,,
openai,gpt-x,standard,0,,9,,
openai,gpt-z,turbo,,,1,,
openai,gpt-q,batch,128000,,1,,
"""


def test_a_csv_is_read_line_by_line() -> None:
    found = read_csv(CSV, effective_from=START)
    entries = [(one.model, one.above_input_tokens, one.effective_from.month, one.stated) for one in found.entries]
    assert entries == [
        ("gpt-x", 0, 1, decimals(input="1.10", output="4.40", web_search="0.01")),
        ("gpt-x", 200_000, 1, decimals(input="2.20")),
        ("gpt-y", 0, 6, decimals(input="0.5")),
    ]  # fmt: skip
    assert [(one.name, one.reason.split(":")[0]) for one in found.unusable] == [
        ("line 6", "service_tier"),
        ("openai/gpt-x", "is stated twice; the first is taken"),
        ("openai/gpt-q", "is a context tier above 128000 without its base (above_input_tokens 0)"),
    ]
    assert found.rows == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [("provider,model,inputs\n", "'inputs' is not known"), ("model,input\n", "'provider' is missing"),
     ("provider,model,model\n", "is named twice")],
)  # fmt: skip
def test_a_csv_with_columns_that_nobody_knows_is_refused(text: str, words: str) -> None:
    with pytest.raises(DomainError, match=words):
        read_csv(text, effective_from=START)


def entry(price: str, start: str = "2026-01-01", model: str = "gpt-x", **more: Any) -> PriceSpec:
    return PriceSpec.model_validate(
        {"provider": "openai", "model": model, "effective_from": start, "input": price, **more}
    )


def bring(*entries: PriceSpec, dry_run: bool = False, **terms: Any) -> operations.ImportedPrices:
    return import_prices(
        organisation="acme", name="list", entries=entries, terms=BookTerms(**terms), reason="test", actor=SYSTEM, at=AT,
        dry_run=dry_run,
    )  # fmt: skip


def history(model: str = "gpt-x") -> list[tuple[str, str | None, Decimal]]:
    rows = Price.objects.filter(book__is_current=True, model=model).order_by("effective_from")
    return [
        (f"{row.effective_from:%F}", row.effective_to and f"{row.effective_to:%F}", row.unit_price.normalize())
        for row in rows
    ]


def test_a_changed_price_starts_on_its_day_and_the_old_one_ends_there(acme: Scope) -> None:
    assert bring(entry("1"), entry("5", model="gpt-y")).change.action == "create"
    assert bring(entry("1")).change.action == "unchanged"
    assert bring(entry("1", "2026-05-01")).change.action == "unchanged"
    assert bring(entry("2", "2026-06-01"), dry_run=True).change.action == "update"
    assert PriceBook.objects.count() == 1
    result = bring(entry("2", "2026-06-01"))
    assert (result.change.action, len(result.merged.changed), len(result.merged.kept)) == ("update", 1, 1)
    assert history() == [("2026-01-01", "2026-06-01", Decimal(1)), ("2026-06-01", None, Decimal(2))]
    assert history("gpt-y") == [("2026-01-01", None, Decimal(5))]
    assert list(PriceBook.objects.order_by("version").values_list("version", "is_current")) == [(1, False), (2, True)]
    assert Price.objects.filter(book__version=1).count() == 2
    assert list(DecisionRecord.objects.filter(action="price_book.apply").values_list("reason", flat=True)) == [
        "test", "test",
    ]  # fmt: skip


def test_a_price_for_a_time_leaves_what_was_before_and_after(acme: Scope) -> None:
    bring(entry("1"))
    bring(entry("3", "2026-03-01", effective_to="2026-04-01"))
    assert history() == [
        ("2026-01-01", "2026-03-01", Decimal(1)),
        ("2026-03-01", "2026-04-01", Decimal(3)),
        ("2026-04-01", None, Decimal(1)),
    ]
    bring(entry("1", "2026-03-01", effective_to="2026-04-01"))
    assert history() == [("2026-01-01", None, Decimal(1))]


def test_a_discount_turns_list_prices_into_contracted_ones_exactly(acme: Scope) -> None:
    bring(
        entry("0.123456789012345678901234"), entry("2", model="gpt-y", discount_percent="50"),
        contract="Order form 7", discount_percent=Decimal("12.3456"),
    )  # fmt: skip
    paid = dict(Price.objects.values_list("model", "unit_price"))
    assert paid == {
        "gpt-x": Decimal("0.108215307668037530766803255296"),
        "gpt-y": Decimal(1),
    }
    assert dict(Price.objects.values_list("model", "list_unit_price"))["gpt-y"] == 2
    assert PriceBook.objects.get().contract == "Order form 7"


@pytest.mark.parametrize(
    ("terms", "words"),
    [({"discount_percent": Decimal(5)}, "needs the contract"),
     ({"discount_percent": Decimal(5), "contract": "c", "basis": "contracted"}, "contracted already")],
)  # fmt: skip
def test_a_discount_is_one_of_a_contract_on_list_prices(acme: Scope, terms: dict[str, Any], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        bring(entry("1"), **terms)


def run(*words: object) -> str:
    out = StringIO()
    call_command("prices", *[str(word) for word in words], stdout=out)
    return out.getvalue()


def test_the_command_brings_a_csv_in_and_says_what_it_did(acme: Scope, tmp_path: Path) -> None:
    file, report = tmp_path / "ours.csv", tmp_path / "report.csv"
    file.write_text(CSV)
    words = ("import", file, "--format", "csv", "--organisation", "acme", "--name", "ours", "--report", report)
    assert "PriceBook ours: would be created." in run(*words, "--dry-run")
    assert PriceBook.objects.count() == 0
    said = run(*words, "--effective-from", "2026-01-01")
    assert "not usable: line 6: service_tier" in said
    assert "6 rows read: 3 prices of 3 usable rows, 3 rows not usable." in said
    assert "PriceBook ours: created." in said
    assert "PriceBook ours: unchanged." in run(*words, "--effective-from", "2026-01-01")
    assert len(report.read_text().splitlines()) == 4
    with pytest.raises(CommandError, match="'soon' is no day or instant"):
        run(*words, "--effective-from", "soon")
    with pytest.raises(CommandError, match="no organisation globex"):
        run("import", file, "--format", "csv", "--organisation", "globex", "--name", "theirs")


@needs_shared_data
def test_the_whole_list_comes_in_and_nothing_of_it_is_lost(acme: Scope) -> None:
    found = read_litellm(LIST.read_text(), effective_from=START)
    assert found.rows == len(json.loads(LIST.read_text())) == 4242
    models = {(entry.provider, entry.model) for entry in found.entries}
    assert len(models) + len(found.unusable) == found.rows
    import_prices(
        organisation="acme", name="litellm", entries=found.entries, terms=BookTerms(), reason="", actor=SYSTEM, at=AT
    )
    assert Price.objects.count() == sum(len(one.stated) for one in found.entries)

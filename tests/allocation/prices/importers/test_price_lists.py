"""Price lists of others become versions of a price book; what cannot be used is named."""

import json
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
from tests.allocation.prices.price_rows import START, decimals, entry

LIST = SHARED / "prices" / "litellm_1.106.2_model_prices.json"


CSV = """provider,model,service_tier,above_input_tokens,effective_from,input,output,web_search
openai,gpt-x,standard,0,,1.10,4.40,0.01
openai,gpt-x,standard,200000,,2.20,,
openai,gpt-y,,,2026-06-01,0.5,,
openai,gpt-x,standard,0,,9,,
openai,gpt-z,prioirty,,,1,,
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

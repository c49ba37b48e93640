import gzip
import io
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import Sum
from pydantic import TypeAdapter

from allocation.prices.documents import ExchangeRatesDocument
from allocation.prices.operations import apply_exchange_rates
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.models import ImportRun, UsageRecord
from governance.documents import load_documents, parse_document
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.prices.exchange_rates import RATES

GATEWAY = """
format: csv
source: gateway
skip_when: {calls: ["", "0"]}
fields:
  id: {all_but: []}
  occurred_at: {column: day, assume_utc: true}
  provider: {constant: openai}
  model: {column: model}
  requests: {column: calls}
  tokens.input: {column: tokens}
  cost.amount: {product: [tokens, price]}
  cost.currency: {constant: USD}
"""
HEADER = "day,model,calls,tokens,price,team\n"
ROWS = (
    "2026-11-20,gpt-4o,2,1000,0.000002,search\n"
    "2026-11-20,gpt-4o,2,1000,0.000002,search\n"
    "2026-11-20,gpt-4o,1,500,0.000002,ads\n"
    "2026-11-21,gpt-4o,0,,,\n"
    "2026-11-21,gpt-4o,1,a dozen,0.000002,ads\n"
)


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    return str(tmp_path / "gateway.yaml")


def bring_in(path: Path, mapping: str) -> str:
    said = io.StringIO()
    with time_machine.travel(AT, tick=False):
        call_command("usage", "import", str(path), "--mapping", mapping, "--scope", "acme", stdout=said)
    return said.getvalue()


def test_an_import_ends_with_what_became_of_every_row_and_with_the_money(
    acme: Scope, tmp_path: Path, mapping: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(HEADER + ROWS)
    assert bring_in(path, mapping) == (
        "log.csv: 5 records read, 3 accepted, 0 there already, 1 quarantined, 1 passed over; 0.005 USD counted.\n"
    )
    path.write_text(HEADER + ROWS + "2026-11-22,gpt-4o,1,250,0.000002,search\n")
    assert bring_in(path, mapping) == (
        "log.csv: 6 records read, 1 accepted, 3 there already, 1 quarantined, 1 passed over; 0.0005 USD counted.\n"
    )
    assert UsageRecord.objects.aggregate(Sum("cost"), Sum("requests"), Sum("input_tokens")) == {
        "cost__sum": Decimal("0.0055"), "requests__sum": 6, "input_tokens__sum": 2750,
    }  # fmt: skip
    assert QuarantinedUsage.objects.values_list("code", "field").get() == ("invalid_value", "tokens.input")
    assert list(ImportRun.objects.order_by("pk").values_list("passed_over", "costs", "unpriced")) == [
        (1, {"USD": "0.005000000"}, 0),
        (1, {"USD": "0.000500000"}, 0),
    ]


def test_what_has_no_price_is_said(acme: Scope, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY.replace("  cost.amount: {product: [tokens, price]}\n", ""))
    (tmp_path / "log.csv").write_text(HEADER + "2026-11-20,gpt-9-unheard-of,1,5,,\n2026-11-20,gpt-4o,1,1000000,,\n")
    assert bring_in(tmp_path / "log.csv", str(tmp_path / "gateway.yaml")) == (
        "log.csv: 2 records read, 2 accepted, 0 there already, 0 quarantined, 0 passed over; 2.50 USD counted, 1 of the"
        " accepted without a price.\n"
    )


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_is_read_by_its_own_delimiter(
    acme: Scope, tmp_path: Path, mapping: str, mark: str, pack: type[bytes]
) -> None:
    path = tmp_path / ("log.csv" if pack is bytes else "log.csv.gz")
    path.write_bytes(pack((HEADER + ROWS).replace(",", mark).encode()))
    assert "5 records read, 3 accepted" in bring_in(path, mapping)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "day,model,calls,price\n", "lacks the column that the mapping needs: tokens. Nothing was imported."),
        ("b.csv", "", "lacks columns that the mapping needs: calls, day, model, tokens, price."),
        ("c.csv", HEADER.replace("model", "tokens"), "more than one column tokens"),
        (
            "d.csv",
            "generation_id,created_at,cost_total,model_permaslug\n",
            ("or optional: true. It looks like openrouter-activity."),
        ),
    ],
)
def test_a_file_of_another_layout_is_refused_whole(
    acme: Scope, tmp_path: Path, mapping: str, name: str, content: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text(content + ROWS if content else "")
    with pytest.raises(CommandError) as refused:
        bring_in(path, mapping)
    assert words in str(refused.value)
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.count()) == (0, 0)
    run = ImportRun.objects.get()
    assert (run.status, run.records_done) == ("failed", 0)
    assert name in run.error or "column" in run.error


def test_a_row_with_a_cell_too_many_is_no_guess(acme: Scope, tmp_path: Path, mapping: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{HEADER}2026-11-20,gpt-4o,1,1000,0,000002,ads\n2026-11-20,gpt-4o,1,1000,0.000002,ads\n")
    assert "2 records read, 1 accepted, 0 there already, 1 quarantined" in bring_in(path, mapping)
    assert QuarantinedUsage.objects.get().code == "row_too_long"


def test_money_without_an_exchange_rate_waits_and_counts_once_the_rate_is_there(acme: Scope, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY.replace("{constant: USD}", "{constant: EUR}"))
    (tmp_path / "log.csv").write_text(HEADER + "2026-11-20,gpt-4o,1,1000000,0.000002,ads\n")
    mapping = str(tmp_path / "gateway.yaml")
    assert "0 accepted, 0 there already, 1 quarantined" in bring_in(tmp_path / "log.csv", mapping)
    assert QuarantinedUsage.objects.get().code == "exchange_rate_missing"

    document = parse_document(TypeAdapter(ExchangeRatesDocument), load_documents(RATES, source="rates.yaml")[0])
    apply_exchange_rates(document, actor=SYSTEM, at=AT)
    assert bring_in(tmp_path / "log.csv", mapping) == (
        "log.csv: 1 records read, 1 accepted, 0 there already, 0 quarantined, 0 passed over; 2.16 USD counted.\n"
    )
    replay_quarantined(actor=SYSTEM, at=AT)
    assert UsageRecord.objects.get().cost == Decimal("2.16")

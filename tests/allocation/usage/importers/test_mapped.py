"""Providers' own exports, through the mappings that ship; and Parquet, which needs no mapping of its own."""

import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import Count, Sum

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.files import SHIPPED, ImportRequest, import_file, load_mapping, mapping_path
from allocation.usage.models import UsageRecord
from governance.documents import DocumentError
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, needs_shared_data, rolled_up
from tests.allocation.usage.importers.exports import FILES, TYPED_MAPPING, bring_in
from tests.allocation.usage.importers.test_litellm import everything_stored


def test_every_mapping_that_ships_is_read_and_has_an_export_here() -> None:
    names = {path.stem for path in SHIPPED.glob("*.yaml")}
    assert names == FILES.keys() | {"mooncake"}
    for name in names:
        load_mapping(mapping_path(name))


TOKENS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


WANTED: dict[str, list[tuple[Any, ...]]] = {
    # gpt-4o: $2.50 in, $1.25 cached, $10 out; batch at half, priority at 1.7 times.
    "openai-completions": [
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06", "standard", 40, 400_000, 100_000, 0, 20_000, 0, "1.075"),
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06", "batch", 10, 100_000, 0, 0, 5_000, 0, "0.15"),
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06", "priority", 1, 1000, 0, 0, 100, 0, "0.00595"),
    ],
    "openai-completions-api": [
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06", "standard", 40, 400_000, 100_000, 50_000, 20_000, 0,
         "1.075"),
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06", "batch", 10, 100_000, 0, 0, 5_000, 0, "0.15"),
    ],
    "openai-costs": [
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06, input", "standard", 1, 0, 0, 0, 0, 0, "1.23456789"),
        ("2026-11-23T00:00:00", "openai", "all", "standard", 1, 0, 0, 0, 0, 0, "0.5"),
    ],
    # Sonnet 4.5 at the base tier though a million tokens: $3 in, $3.75 written, $6 for an hour, $0.30 cached, $15 out.
    # A key more, a long context at $6 in, thirty searches at $10 a thousand.
    "anthropic-console": [
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 2, 1_000_000, 550_000, 150_000,
         40_000, 0, "2.34"),
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 2, 1_000_000, 0, 0, 0, 0, "3"),
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 1, 300_000, 0, 0, 0, 0, "1.8"),
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 2, 0, 0, 0, 100_000, 0, "1.8"),
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "batch", 2, 1000, 0, 0, 100, 0, "0.00225"),
    ],
    "anthropic-cost-report": [
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 1, 0, 0, 0, 0, 0, "1.2345"),
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 1, 0, 0, 0, 0, 0, "0.1"),
        ("2026-11-23T00:00:00", "anthropic", "Web Search Usage", "standard", 1, 0, 0, 0, 0, 0, "0.05"),
    ],
    "openai-costs-api": [
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06, input", "standard", 1, 0, 0, 0, 0, 0, "0.75"),
        ("2026-11-23T00:00:00", "openai", "gpt-4o-2024-08-06, input", "standard", 1, 0, 0, 0, 0, 0, "0.125"),
    ],
    # $0.02 a million tokens, $0.006 a minute, $15 a million characters; nothing else of these has a price.
    "openai-other-usage-api": [
        ("2026-11-23T00:00:00", "openai", "text-embedding-3-small", "standard", 7, 1_000_000, 0, 0, 0, 0, "0.02"),
        ("2026-11-23T00:00:00", "openai", "gpt-image-1", "standard", 2, 0, 0, 0, 0, 0, None),
        ("2026-11-23T00:00:00", "openai", "whisper-1", "standard", 2, 0, 0, 0, 0, 0, "0.36"),
        ("2026-11-23T00:00:00", "openai", "tts-1", "standard", 4, 0, 0, 0, 0, 0, "15"),
        ("2026-11-23T00:00:00", "openai", "web-search", "standard", 1, 0, 0, 0, 0, 0, None),
        ("2026-11-23T00:00:00", "openai", "file-search", "standard", 1, 0, 0, 0, 0, 0, None),
    ],
    "openrouter-activity-api": [
        ("2026-11-23T00:00:00", "openrouter", "openai/gpt-4o-2024-08-06", "standard", 5, 5000, 0, 0, 125, 25, "0.027"),
        ("2026-11-23T00:00:00", "openrouter", "openai/gpt-4o-2024-08-06", "standard", 2, 1000, 0, 0, 10, 0, "0.5"),
        ("2026-11-23T00:00:00", "openrouter", "meta-llama/llama-3.3-70b-instruct", "standard", 3, 10, 0, 0, 5, 0, "0"),
    ],
    "anthropic-usage-report": [
        ("2026-11-23T00:00:00", "anthropic", "claude-sonnet-4-5-20250929", "standard", 2, 1_000_000, 550_000, 150_000,
         40_000, 0, "2.34"),
    ],
    # $3 in, $0.30 cached, $3.75 written, $15 out.
    "bedrock-invocations": [
        ("2026-11-23T14:21:50", "bedrock", "anthropic.claude-sonnet-4-20250514-v1:0", "standard", 1, 1000, 600, 100, 50,
         0, "0.002205"),
        ("2026-11-23T14:22:50", "bedrock", "amazon.titan-embed-text-v2:0", "standard", 1, 7, 0, 0, 0, 0, "0.00000014"),
    ],
    "azure-gateway-log": [
        ("2026-11-23T10:00:00.123456", "azure", "gpt-4o", "standard", 1, 1000, 0, 0, 100, 0, "0.0035"),
    ],
    # The second row alike is another; an adjustment lowers cost; credits are taken off.
    "google-billing-export": [
        ("2026-11-23T10:00:00", "vertex_ai", "Gemini 2.5 Pro Text Input - Predictions", "standard", 1, 0, 0, 0, 0, 0,
         "1.25"),
        ("2026-11-23T10:00:00", "vertex_ai", "Gemini 2.5 Pro Text Input - Predictions", "standard", 1, 0, 0, 0, 0, 0,
         "1.25"),
        ("2026-11-23T10:00:00", "vertex_ai", "Gemini 2.5 Pro Text Input - Predictions", "standard", 0, 0, 0, 0, 0, 0,
         "-0.25"),
        ("2026-11-23T11:00:00", "google", "Generate content input token count gemini 2.5 flash", "standard", 1, 0, 0, 0,
         0, 0, "1.375"),
        ("2026-11-23T12:00:00", "google", "Claude Sonnet 4.5 - Online Prediction - Input tokens", "standard", 1, 0, 0,
         0, 0, 0, "3.75"),
    ],
    "openrouter-activity": [
        ("2026-11-23T10:00:00.250000", "openrouter", "openai/gpt-4o-mini", "standard", 1, 1000, 100, 0, 250, 30,
         "0.00012345"),
        ("2026-11-23T11:00:00.500000", "openrouter", "meta-llama/llama-3.3-70b-instruct", "standard", 1, 10, 0, 0, 5, 0,
         "0"),
    ],
    # $3 in, $6 written for an hour, $0.30 cached, $15 out; three lines tell of the first call.
    "claude-code-transcripts": [
        ("2026-11-23T10:00:07.900000", "anthropic", "claude-sonnet-4-5-20250929", "standard", 1, 11_002, 10_000, 1000,
         200, 0, "0.012006"),
        ("2026-11-23T10:00:09", "anthropic", "claude-sonnet-4-5-20250929", "standard", 1, 10, 0, 0, 5, 0, "0.000105"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILES))
def test_an_export_by_its_mapping(acme: Scope, name: str) -> None:
    run = bring_in(acme, FILES[name], name)
    fields = ("occurred_at", "provider", "model", "service_tier", "requests", *TOKENS, "cost")
    rows = UsageRecord.objects.values_list(*fields)
    wanted = [(f"{at}+00:00", *middle, None if cost is None else Decimal(cost)) for at, *middle, cost in WANTED[name]]
    found = [(at.isoformat(), *rest) for at, *rest in rows]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert run.records_done == run.accepted + run.duplicate + run.passed_over
    assert not QuarantinedUsage.objects.exists()
    again = bring_in(acme, FILES[name], name)
    assert (again.accepted, again.duplicate) == (0, run.accepted + run.duplicate)
    minutes, *others = rolled_up()
    assert others == [minutes] * 3
    stored = everything_stored()
    assert [text for text in ("nobody stores", "user-x", "ada@example.com") if text in stored] == []


def test_a_page_a_line_is_read_like_a_document(acme: Scope, tmp_path: Path) -> None:
    page = json.loads(FILES["openai-completions-api"].read_text())
    path, mapping = tmp_path / "pages.jsonl", tmp_path / "mapping.yaml"
    path.write_text(f"{json.dumps(page)}\nnot json\n[]\n{json.dumps({'data': [7]})}\n")
    mapping.write_text(mapping_path("openai-completions-api").read_text().replace("format: json", "format: jsonl"))
    run = bring_in(acme, path, str(mapping))
    assert (run.records_done, run.accepted, run.rejected) == (5, 2, 3)
    codes = sorted(QuarantinedUsage.objects.values_list("code", flat=True))
    assert codes == ["malformed_json", "not_an_object", "not_an_object"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("format: parquet", "format: parquet\neach: [data]"), "each is for json and jsonl"),
        (("  cost: {column: paid}", "  cost.tax: {column: paid}"), "cost.tax is not a field"),
        (("  cost: {column: paid}", "  operation: {sum: [a, b]}"), "sum is for quantities and amounts"),
        (("format: parquet", "format: parquet\nskip_when: {a: []}"), "skip_when"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(TYPED_MAPPING.replace(*change))
    with pytest.raises(DocumentError, match=words):
        load_mapping(path)


def test_a_format_of_columns_needs_a_mapping(acme: Scope) -> None:
    with pytest.raises(CommandError, match="needs --mapping"):
        call_command("usage", "import", "x.parquet", "--format", "parquet")
    with pytest.raises(CommandError, match="nonesuch"):
        call_command("usage", "import", "x.csv", "--mapping", "nonesuch")


@needs_shared_data
@pytest.mark.parametrize(
    ("name", "mapping"),
    [("anthropic-console.csv", "anthropic-console"), ("anthropic-usage-report.json", "anthropic-usage-report")],
)
def test_what_is_written_for_an_hour_has_its_own_price(acme: Scope, name: str, mapping: str) -> None:
    bring_in(acme, SHARED / "cases/fail/05-anthropic-export-1h-writes" / name, mapping)

    assert UsageRecord.objects.get().cost == Decimal("6.00")


FAIL = SHARED / "cases/fail"


@needs_shared_data
@pytest.mark.parametrize(
    ("path", "records", "tokens", "money"),
    [
        ("03-export-rows-collide/openai-costs.csv", 3, 0, "0.875"),
        ("03-export-rows-collide/openai-completions.csv", 2, 3_000_000, "0.75"),
        ("03-export-rows-collide/anthropic-console.csv", 2, 3_000_000, "9.00"),
        ("11-openrouter-byok/openrouter-activity.csv", 1, 1000, "0.05"),
        ("12-openai-export-audio/openai-completions.csv", 1, 1_000_000, "64.00"),
        ("25-negative-amounts/openai-costs.csv", 2, 0, "1.50"),
    ],
)
@time_machine.travel("2026-11-28T12:00:00Z", tick=False)
def test_a_shared_case_comes_out_right(acme: Scope, path: str, records: int, tokens: int, money: str) -> None:
    name = Path(path).stem
    said = [import_by_command(FAIL / path, name) for _ in range(2)]

    sums = UsageRecord.objects.aggregate(Count("pk"), Sum("input_tokens"), Sum("cost"))
    assert tuple(sums.values()) == (records, tokens, Decimal(money))
    assert said == [
        (
            f"{name}.csv: {records} records read, {records} accepted, 0 there already, 0 quarantined, 0 passed over;"
            f" {money} USD counted.\n"
        ),
        (
            f"{name}.csv: {records} records read, 0 accepted, {records} there already, 0 quarantined, 0 passed over;"
            " no money counted.\n"
        ),
    ]


def import_by_command(path: Path, mapping: str) -> str:
    said = io.StringIO()
    call_command("usage", "import", str(path), "--mapping", mapping, "--scope", "acme", stdout=said)
    return said.getvalue()


OPENROUTER = (
    "generation_id,created_at,cost_total,byok_usage_inference,tokens_prompt,tokens_completion,model_permaslug,variant\n"
)


@pytest.mark.parametrize(
    ("row", "cost", "source"),
    [
        ("0.02,0.005,1000,100,openai/gpt-4o,standard", "0.025", "provider"),
        ("0,0,1000000,0,openai/gpt-4o,standard", "2.5", "genai-prices"),
        (",,1000000,0,openai/gpt-4o,standard", "2.5", "genai-prices"),
        ("0,0,1000000,0,openai/gpt-4o,free", "0", "provider"),
    ],
)
def test_a_bill_of_zero_is_believed_of_a_free_model_alone(
    acme: Scope, tmp_path: Path, row: str, cost: str, source: str
) -> None:
    path = tmp_path / "openrouter.csv"
    path.write_text(f"{OPENROUTER}gen-1,2026-11-23 10:00:00,{row}\n")
    bring_in(acme, path, "openrouter-activity")
    assert UsageRecord.objects.values_list("cost", "price_source").get() == (Decimal(cost), source)


def test_a_mapping_of_ids_that_are_used_once(acme: Scope, tmp_path: Path) -> None:
    path, mapping = tmp_path / "calls.csv", tmp_path / "mapping.yaml"
    path.write_text("call,at,in\na,2026-11-20T10:00:00Z,1000\na,2026-11-20T10:00:01Z,1000\n,2026-11-20T10:00:02Z,7\n")
    fields = """
      id: {columns: [call], digest: true}
      occurred_at: {column: at}
      provider: {constant: openai}
      model: {constant: gpt-4o}
      tokens.input: {column: in}
    """
    mapping.write_text(f"format: csv\nsource: stamped-anew\nidentity: id\nfields:{fields}")
    first, again = bring_in(acme, path, str(mapping)), bring_in(acme, path, str(mapping))
    assert [(run.accepted, run.duplicate, run.rejected) for run in (first, again)] == [(1, 1, 1), (0, 2, 1)]
    # Rows without any id would be one record.
    assert QuarantinedUsage.objects.get().code == "missing_field"
    mapping.write_text(mapping.read_text().replace("identity: id\n", "").replace("stamped-anew", "with-instants"))
    assert bring_in(acme, path, str(mapping)).accepted == 2


@needs_shared_data
def test_one_call_on_many_lines_is_one_record(acme: Scope, tmp_path: Path) -> None:
    case = SHARED / "cases/fail/18-one-call-many-lines"
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(f"identity: id\n{(case / 'mapping.yaml').read_text()}")
    order = ImportRequest(case / "transcript.jsonl", "mapped", mapping=load_mapping(mapping), scope_id=acme.pk)
    import_file(order, now=lambda: AT + timedelta(days=7))
    assert UsageRecord.objects.get().cost == Decimal("0.0402")


ANTHROPIC = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
)
REALTIME = (
    "start_time,end_time,num_model_requests,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,"
    "input_text_tokens,input_audio_tokens,input_cached_audio_tokens,input_cached_image_tokens,api_source\n"
)

OF_ANTHROPIC = (
    ("claude-opus-5,k,w,standard,≤ 200k,1000000,0,0,0,0,0,global,fast", "fast", "10"),
    ("claude-opus-5,k,w,standard,≤ 200k,1000000,0,0,0,0,0,us,", "standard-us", None),
    ("claude-opus-5,k,w,batch,≤ 200k,1000000,0,0,0,0,0,us,", "batch-us", None),
    ("claude-sonnet-4-5,k,w,standard,200k-1M,1000000,0,0,0,0,0,,", "standard", "6"),
    ("claude-sonnet-4-5,k,w,standard,≤ 200k,0,0,0,0,0,1000,,", "standard", "10"),
)
OF_OPENAI = (
    # Cached audio beside the audio that was not cached, and within all of it.
    ("2,gpt-realtime,,,3000000,0,1000000,1000000,1000000,1000000,0,x", "standard", "36.4"),
    ("2,gpt-realtime,,,3000000,0,1000000,1000000,2000000,1000000,0,x", "standard", "36.4"),
    ("2,gpt-realtime,,,1000000,0,500000,500000,0,0,500000,x", "cached-images", None),
    ("2,gpt-5.4,,ultrafast,1000000,0,0,1000000,0,0,0,x", "ultrafast", None),
    ("2,gpt-5.4,,priority,1000000,0,0,1000000,0,0,0,x", "priority", "5"),
)


@pytest.mark.parametrize(
    ("mapping", "header", "day", "rows"),
    [
        ("anthropic-console", ANTHROPIC, "2026-11-23", OF_ANTHROPIC),
        ("openai-completions", REALTIME, "1795392000,1795478400", OF_OPENAI),
    ],
)
def test_what_changes_a_price_is_read_or_the_row_has_none(
    acme: Scope, tmp_path: Path, mapping: str, header: str, day: str, rows: tuple[tuple[str, str, str | None], ...]
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(header + "".join(f"{day},{row}\n" for row, _, _ in rows))
    bring_in(acme, path, mapping)
    wanted = [(tier, None if cost is None else Decimal(cost)) for _, tier, cost in rows]
    assert sorted(UsageRecord.objects.values_list("service_tier", "cost"), key=str) == sorted(
        ((tier, None if cost is None else cost.quantize(Decimal("1e-9"))) for tier, cost in wanted), key=str
    )

import gzip
import io
import json
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import Sum

from allocation.usage.importers.files import ImportRequest, import_file, load_mapping
from allocation.usage.models import ImportStatus, UsageDay, UsageRecord
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation import mooncake_sums
from tests.allocation.conftest import AT, SHARED, SYSTEM, document, needs_shared_data, stored_sums
from tests.allocation.usage.importers.imported import clock

TRACE = SHARED / "mooncake/conversation_trace.jsonl"


MAPPING = Path(__file__).resolve().parents[4] / "allocation/usage/mappings/mooncake.yaml"


TEAMS = ("search", "support", "coding", "research", "assistant")


@pytest.mark.long
@needs_shared_data
def test_the_mooncake_trace_costs_what_an_independent_sum_says(db: None) -> None:
    root = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    for team in TEAMS:
        create_scope(slug=team, kind="team", parent=root, actor=SYSTEM, at=AT)
    order = ImportRequest(path=TRACE, source_format="mapped", mapping=load_mapping(MAPPING), scope_id=root.pk)
    first = import_file(order, now=clock)
    assert (first.records_done, first.accepted, first.duplicate, first.rejected) == (12031, 12031, 0, 0)
    wanted = {f"acme/{TEAMS[team]}": values for team, values in mooncake_sums.sums(TRACE).items()}
    fields = ("requests", "input_tokens", "cached_input_tokens", "output_tokens", "cost")
    rows = UsageDay.objects.values("scope__path").annotate(**{f"all_{field}": Sum(field) for field in fields})
    found = {row["scope__path"]: tuple(row[f"all_{field}"] for field in fields) for row in rows}
    assert found == wanted
    before = stored_sums()

    second = import_file(order, now=clock)
    assert (second.pk != first.pk, second.accepted, second.duplicate) == (True, 0, 12031)
    assert stored_sums() == before


@time_machine.travel(AT, tick=False)
def test_a_csv_by_its_mapping(acme: Scope, files: tuple[Path, Path]) -> None:
    rows, mapping = files
    said = io.StringIO()
    call_command("usage", "import", str(rows), "--format", "csv", "--mapping", str(mapping), stdout=said)
    assert said.getvalue() == (
        "rows.csv: 4 records read, 2 accepted, 0 there already, 2 quarantined, 0 passed over; 0.00375 USD counted.\n"
    )
    found = UsageRecord.objects.order_by("event_id").values_list("event_id", "input_tokens", "status", "attributes")
    assert list(found) == [
        ("2026-11-20 10:00:00-1", 1500, "success", {"who": "ada"}),
        ("2026-11-20 10:00:00-2", 2000, "error", {"who": "bob"}),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".jsonl.gz"])
def test_native_files(acme: Scope, tmp_path: Path, ending: str) -> None:
    events = [document(), document(scope="acme/none"), document()]
    path = tmp_path / f"events{ending}"
    lines = "\n".join(json.dumps(one) for one in events).encode()
    contents = {".json": json.dumps(events).encode(), ".jsonl": lines, ".jsonl.gz": gzip.compress(lines)}
    path.write_bytes(contents[ending])
    run = import_file(ImportRequest(path=path, source_format="native", scope_id=acme.pk), now=clock)
    assert (run.status, run.accepted, run.rejected) == (ImportStatus.FINISHED, 2, 1)


@time_machine.travel(AT, tick=False)
def test_litellm_lines(acme: Scope, tmp_path: Path) -> None:
    path = tmp_path / "payloads.jsonl"
    payload = {"litellm_call_id": "1", "status": "success", "model": "openai/gpt-mock", "custom_llm_provider": "openai",
               "startTime": AT.timestamp() - 60, "prompt_tokens": 5, "response_cost": 0.25}  # fmt: skip
    path.write_text(f"{json.dumps(payload)}\nnot json\n")
    call_command(
        "usage",
        "import",
        str(path),
        "--format",
        "litellm",
        "--scope",
        "acme",
        "--price",
        "billed",
        stdout=io.StringIO(),
    )
    assert [(str(record.cost), record.price_source) for record in UsageRecord.objects.all()] == [
        ("0.250000000", "provider")
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scope", "nowhere"], "There is no scope nowhere"),
        (["--format", "csv"], "needs --mapping"),
    ],
)
def test_mistakes_on_the_command_line(acme: Scope, files: tuple[Path, Path], words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("usage", "import", str(files[0]), *words)


def test_a_missing_file(acme: Scope) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("usage", "import", "/nowhere/at/all.jsonl")

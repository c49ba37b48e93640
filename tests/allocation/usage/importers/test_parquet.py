import io
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command

from allocation.usage.importers.files import ImportRequest, import_file, load_mapping
from allocation.usage.models import ImportRun, UsageRecord
from governance.errors import Invalid
from governance.scopes.models import Scope
from tests.allocation.conftest import AT
from tests.allocation.usage.importers.exports import FILES, TYPED_MAPPING, bring_in, clock, parquet

TYPED = """
SELECT
    'call-' || i AS id, TIMESTAMPTZ '2026-11-23 10:00:00+01' + i * INTERVAL 1 SECOND AS at,
    TIMESTAMP '2026-11-23 09:00:00' AS naive, DATE '2026-11-23' AS day, 'gpt-4o' AS model,
    {'input': 1000::BIGINT, 'output': 100.0::DOUBLE} AS tokens, 0.0125::DECIMAL(18, 6) AS paid,
    CASE WHEN i = 2 THEN NULL ELSE 'search' END AS team, 'words'::BLOB AS blob
FROM range(3) AS rows (i)
"""


@pytest.mark.parametrize(
    ("column", "first"),
    [("at", "2026-11-23T09:00:00"), ("naive", "2026-11-23T09:00:00"), ("day", "2026-11-23T00:00:00")],
)
@time_machine.travel(AT, tick=False)
def test_parquet_with_types_of_its_own(acme: Scope, tmp_path: Path, column: str, first: str) -> None:
    path, mapping = parquet(tmp_path / "calls [1].parquet", TYPED), tmp_path / "mapping.yaml"
    mapping.write_text(TYPED_MAPPING.replace("AT", column))
    said = io.StringIO()
    call_command("usage", "import", str(path), "--mapping", str(mapping), "--scope", "acme", stdout=said)
    assert said.getvalue() == (
        "calls [1].parquet: 3 records read, 3 accepted, 0 there already, 0 quarantined, 0 passed over;"
        " 0.0375 USD counted.\n"
    )
    row = UsageRecord.objects.order_by("occurred_at", "event_id")[0]
    assert (row.event_id, row.occurred_at.isoformat(), row.input_tokens, row.output_tokens, row.cost) == (
        "call-0", f"{first}+00:00", 1000, 100, Decimal("0.0125"),
    )  # fmt: skip
    assert [record.attributes for record in UsageRecord.objects.order_by("event_id")] == [{"team": "search"}] * 2 + [{}]


def test_a_mapping_of_columns_serves_parquet_too(acme: Scope, tmp_path: Path) -> None:
    """An empty cell of a CSV is an absent one in Parquet; the identity does not tell them apart."""
    rows = f"SELECT * FROM read_csv('{FILES['anthropic-console']}', all_varchar=true)"
    path = parquet(tmp_path / "rows.parquet", rows)
    assert bring_in(acme, FILES["anthropic-console"], "anthropic-console").accepted == 5
    again = bring_in(acme, path, "anthropic-console")
    assert (again.records_done, again.duplicate, again.rejected) == (5, 5, 0)


def test_a_broken_off_parquet_import_goes_on(acme: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from allocation.usage.importers import files as importer

    path, mapping = parquet(tmp_path / "many.parquet", TYPED.replace("range(3)", "range(50)")), tmp_path / "m.yaml"
    mapping.write_text(TYPED_MAPPING.replace("AT", "at"))
    order = ImportRequest(path=path, source_format="mapped", mapping=load_mapping(mapping), scope_id=acme.pk)
    monkeypatch.setattr(importer, "CHUNK", 10)
    places: list[int] = []

    def stop_after_twenty(records: int, position: int) -> None:
        places.append(position)
        if records == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(order, now=clock, progress=stop_after_twenty)
    assert ImportRun.objects.get().records_done == 20
    done = import_file(order, now=clock, progress=lambda _records, position: places.append(position))
    assert (done.records_done, done.accepted + done.duplicate, UsageRecord.objects.count()) == (50, 50, 50)
    assert places[-1] == path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"PAR1", b"id,at\n1,2\n", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_told(acme: Scope, tmp_path: Path, content: bytes) -> None:
    path, mapping = tmp_path / "x.parquet", tmp_path / "mapping.yaml"
    path.write_bytes(content)
    mapping.write_text(TYPED_MAPPING.replace("AT", "at"))
    with pytest.raises(Invalid, match=r"x\.parquet cannot be read") as refused:
        bring_in(acme, path, str(mapping))
    assert refused.value.code == "file_unreadable"

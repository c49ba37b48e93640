import json
from pathlib import Path

import pytest

from allocation.usage.importers.files import ImportRequest, import_file
from allocation.usage.models import ImportRun, ImportStatus, UsageRecord
from allocation.usage.operations.imports import note_progress, start_import
from allocation.usage.operations.results import IngestResult
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, document
from tests.allocation.usage.importers.imported import clock


def test_a_broken_off_import_goes_on(acme: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from allocation.usage.importers import files as importer

    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(json.dumps(document()) for _ in range(50)))
    order = ImportRequest(path=path, source_format="native", scope_id=acme.pk)
    monkeypatch.setattr(importer, "CHUNK", 10)
    seen: list[int] = []

    def stop_after_twenty(records: int, _position: int) -> None:
        seen.append(records)
        if records == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(order, now=clock, progress=stop_after_twenty)
    broken = ImportRun.objects.get()
    assert (broken.status, broken.records_done, broken.accepted) == (ImportStatus.FAILED, 20, 20)
    done = import_file(order, now=clock)
    # The batch that was being written when it broke off counts as there already.
    assert (done.pk, done.records_done, done.accepted + done.duplicate) == (broken.pk, 50, 50)
    assert UsageRecord.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_progress_is_noted_outside_of_any_transaction() -> None:
    """As the command does, batch after batch."""
    run = start_import(
        file_name="a.csv", file_digest="0" * 64, size_bytes=1, source_format="native", options_digest="0" * 64,
        mapping=None, scope_id=None, at=AT,
    )  # fmt: skip
    note_progress(run_id=run.pk, records_done=2, result=IngestResult(accepted=1, duplicate=1, rejected=()))
    run.refresh_from_db()
    assert (run.records_done, run.accepted, run.duplicate) == (2, 1, 1)

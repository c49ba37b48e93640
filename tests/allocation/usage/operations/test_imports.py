import json
from pathlib import Path

import pytest

from allocation.usage.importers.files import ImportRequest, import_file
from allocation.usage.models import ImportRun, ImportStatus, UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import document
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

"""A refused row that is corrected and replayed belongs to the import it came from."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from allocation.corrections.operations import settle_import, withdraw_import
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import StillRefused, correct_quarantined, replay_quarantined
from allocation.usage.importers.files import Format, ImportRequest, import_file
from allocation.usage.importers.incoming import Incoming
from allocation.usage.models import ImportRun, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, document
from tests.allocation.corrections.corrected_prices import costs
from tests.allocation.corrections.operations.test_imports import native, stated, withdraw
from tests.allocation.usage.importers.imported import clock
from tests.allocation.usage.importers.test_litellm import payload
from tests.allocation.usage.importers.test_litellm_spend_log import row as logged

NOTHING, HALF = [Decimal(0)] * 5, [Decimal("0.5")] * 5


def waiting() -> QuarantinedUsage:
    return QuarantinedUsage.objects.waiting().get()


def corrected(**changes: Any) -> tuple[int, int]:
    result = correct_quarantined(record_id=waiting().pk, changes=changes, reason="A slip", actor=SYSTEM, at=AT)
    return result.accepted, result.duplicate


def still_refused(**changes: Any) -> tuple[object, str]:
    with pytest.raises(StillRefused) as refused:
        corrected(**changes)
    return refused.value.extra["fault"], refused.value.detail


@pytest.mark.parametrize(
    ("source_format", "row"),
    [
        ("native", document(occurred_at="2036-11-20T10:00:00Z")),
        ("litellm", payload(startTime=2111101785.0, endTime=2111101786.0)),
        ("litellm-spend-log", logged(startTime="2036-11-24T01:09:45Z", endTime="2036-11-24T01:09:46Z")),
    ],
)
def test_it_is_withdrawn_with_its_import_and_comes_back_with_it(
    acme: Scope, search: Scope, tmp_path: Path, source_format: Format, row: dict[str, Any]
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(row))

    def imported() -> ImportRun:
        run = import_file(ImportRequest(path=path, source_format=source_format, scope_id=acme.pk), now=clock)
        settle_import(import_id=run.pk, actor=SYSTEM, at=AT)
        return run

    first = imported()
    assert corrected(occurred_at="2026-11-20T10:00:00Z", scope="acme/search", cost="0.5") == (1, 0)
    assert costs(search) == HALF
    withdraw(first)
    assert costs(search) == NOTHING
    # The file still holds the row as it was refused; what it became counts again.
    second = imported()
    assert (costs(search), UsageRecord.objects.count()) == (HALF, 1)
    withdraw(second)
    assert costs(search) == NOTHING


def test_after_its_import_was_withdrawn_it_counts_nothing_and_says_so(
    acme: Scope, search: Scope, tmp_path: Path
) -> None:
    call = document(scope="acme/serach", cost="0.5")
    withdraw(native(acme, tmp_path / "calls.jsonl", call))
    assert replay_quarantined(actor=SYSTEM, at=AT).remaining == {"scope_unknown": 1}
    fault, detail = still_refused(scope="acme/search")
    assert fault == "import_withdrawn"
    assert detail == (
        "It would be refused again: calls.jsonl, the file it came from, was withdrawn on 2026-11-24, so that nothing of"
        " it counts. Import the file again, or set the record aside."
    )
    assert (costs(search), UsageRecord.objects.count()) == (NOTHING, 0)
    # Another file holds the same row.
    native(acme, tmp_path / "again.jsonl", call)
    assert (corrected(scope="acme/search"), costs(search)) == ((1, 0), HALF)


def test_what_somebody_else_sent_too_stays(acme: Scope, search: Scope, tmp_path: Path) -> None:
    sent = document(scope="acme/serach", cost="0.5")
    incoming = Incoming()
    incoming.take_data(0, sent)
    record_usage(events=incoming.events, key_scope_id=acme.pk, at=AT)
    run = native(acme, tmp_path / "calls.jsonl", sent)
    assert corrected(scope="acme/search") == (1, 0)
    withdraw(run)
    assert costs(search) == HALF


def test_a_statement_takes_what_was_corrected_in_the_one_before(acme: Scope, search: Scope, tmp_path: Path) -> None:
    stated(acme, tmp_path / "1.csv", "2026-11-03,o,a,1,2.00", "2026-11-03,o,b,-7,0.50")
    assert corrected(tokens={"output": 7}) == (1, 0)
    assert costs(search) == [Decimal("2.5")] * 5
    # The same file holds it as it was refused; one that states the day anew does not.
    stated(acme, tmp_path / "1.csv", "2026-11-03,o,a,1,2.00", "2026-11-03,o,b,-7,0.50")
    assert costs(search) == [Decimal("2.5")] * 5
    stated(acme, tmp_path / "2.csv", "2026-11-03,o,a,1,2.00", "2026-11-03,o,b,7,0.75")
    assert costs(search) == [Decimal("2.75")] * 5


@pytest.mark.parametrize(
    ("refused", "changes"),
    [
        pytest.param("2026-11-03,o,b,-7,0.50", {"tokens": {"output": 7}}, id="a wrong quantity"),
        pytest.param("someday,o,b,7,0.50", {"occurred_at": "2026-11-03T00:00:00Z"}, id="a time that cannot be read"),
    ],
)
def test_after_its_day_was_stated_anew_it_counts_nothing_and_says_so(
    acme: Scope, search: Scope, tmp_path: Path, refused: str, changes: dict[str, Any]
) -> None:
    stated(acme, tmp_path / "1.csv", "2026-11-03,o,a,1,2.00", refused)
    stated(acme, tmp_path / "2.csv", "2026-11-03,o,a,1,2.00", "2026-11-03,o,b,7,0.75")
    fault, detail = still_refused(**changes)
    assert fault == "import_replaced"
    assert detail == (
        "It would be refused again: 2.csv states anew what 1.csv, the file it came from, said of that time, and does"
        " not hold it. Set the record aside."
    )
    assert costs(search) == [Decimal("2.75")] * 5


def test_another_day_or_a_part_beside_it_replaces_nothing(acme: Scope, search: Scope, tmp_path: Path) -> None:
    stated(acme, tmp_path / "1.csv", "2026-11-03,o,a,1,2.00", "2026-11-03,o,b,-7,0.50")
    stated(acme, tmp_path / "2.csv", "2026-11-04,o,a,1,1.00")
    assert corrected(tokens={"output": 7}) == (1, 0)
    assert costs(search) == [Decimal("3.5")] * 5


def test_nobody_withdraws_what_a_record_that_was_there_counts(acme: Scope, search: Scope, tmp_path: Path) -> None:
    told = document(scope="acme/search", cost="0.5")
    first = Incoming()
    first.take_data(0, told)
    record_usage(events=first.events, key_scope_id=acme.pk, at=AT)
    run = native(acme, tmp_path / "calls.jsonl", {**told, "scope": "acme/serach"})
    assert corrected(scope="acme/search") == (0, 1)
    withdraw_import(import_id=run.pk, reason="The wrong file", actor=SYSTEM, at=AT)
    assert costs(search) == HALF

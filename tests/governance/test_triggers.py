"""What is asked before every trigger: whether this transaction ignores it."""

from collections.abc import Iterator

import pgtrigger
import pytest
from django.db import IntegrityError, connection, transaction

from governance.records.models import DecisionRecord
from tests.database_owner import as_owner
from tests.governance.records.written import record


@pytest.fixture
def owner(db: None) -> Iterator[None]:
    with as_owner():
        yield


@pytest.mark.usefixtures("owner")
def test_a_trigger_is_ignored_only_where_that_is_said() -> None:
    seq = record(1).seq
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        DecisionRecord.objects.filter(seq=seq).update(reason="before")
    with transaction.atomic(), pgtrigger.ignore("governance.DecisionRecord:refuse_update"):
        DecisionRecord.objects.filter(seq=seq).update(reason="ignored")
    # The setting is empty now, and no longer unknown.
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        DecisionRecord.objects.filter(seq=seq).update(reason="after")
    assert DecisionRecord.objects.get(seq=seq).reason == "ignored"


def test_the_question_starts_no_subtransaction(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = '_pgtrigger_should_ignore'")
        ((source,),) = cursor.fetchall()
    assert "EXCEPTION" not in source.upper()
    assert "current_setting" in source

import pytest
from django.db import IntegrityError, connection, transaction

from governance.organisations.operations import create_scope
from governance.records.models import DecisionRecord
from governance.records.queries import verify_chain
from governance.scopes.models import Scope
from tests.database_owner import as_owner
from tests.governance.conftest import AT, SYSTEM, at_once
from tests.governance.records.written import record


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE governance_decisionrecord SET reason = 'another'",
        "UPDATE governance_decisionrecord SET seq = seq",
        "DELETE FROM governance_decisionrecord",
        "TRUNCATE governance_decisionrecord",
    ],
)
def test_the_database_refuses_to_change_a_record(db: None, change: str) -> None:
    record()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(change)
    assert DecisionRecord.objects.get().reason == "because"


@pytest.mark.django_db(transaction=True)
def test_many_writers_make_one_chain() -> None:
    at_once(lambda worker: [record(worker * 10 + number) for number in range(10)], 8)
    check = verify_chain()
    assert (check.records, check.broken) == (80, None)


def test_a_record_keeps_the_path_its_scope_had(acme: Scope) -> None:
    scope = create_scope(slug="search", kind="team", parent=acme, actor=SYSTEM, at=AT)
    kept = record(scope=scope)
    Scope.objects.filter(pk=scope.pk).update(slug="find")
    assert DecisionRecord.objects.get(pk=kept.pk).scope_path == "acme/search"
    assert verify_chain().broken is None

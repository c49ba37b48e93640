"""Work done for each apart: a fault keeps no other from its turn, and is told once."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from psycopg import errors

from governance.work.models import Heartbeat
from governance.work.operations import each_apart, is_of_the_database, is_of_the_rows, tell_faults

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def of(kind: type[Exception], cause: Exception | None = None) -> Exception:
    problem = kind("something")
    problem.__cause__ = cause
    return problem


@pytest.mark.django_db
def test_what_a_failing_one_wrote_is_rolled_back() -> None:
    def work(name: str) -> str:
        Heartbeat.objects.create(name=name, beat_at=AT)
        if name == "second":
            connection.cursor().execute("SELECT 1 / 0")
        return name

    done = each_apart(["first", "second", "third"], work, named=str.upper)
    assert (done.results, list(done.faults)) == (["first", "third"], ["SECOND"])
    assert sorted(Heartbeat.objects.values_list("name", flat=True)) == ["first", "third"]


@pytest.mark.django_db
def test_a_fault_is_told_when_it_is_new(caplog: pytest.LogCaptureFixture) -> None:
    def tell(*names: str) -> None:
        faults: dict[str, Exception] = {name: ValueError() for name in names}
        tell_faults("part", faults, at=AT, sentence="%s failed")

    tell("acme")
    tell("acme", "globex")
    tell()
    tell("acme")
    assert [record.message for record in caplog.records] == ["acme failed", "globex failed", "acme failed"]
    assert Heartbeat.objects.get().detail == "acme"


@pytest.mark.parametrize(
    ("problem", "of_the_database", "of_the_rows"),
    [
        pytest.param(of(OperationalError), True, False, id="gone without a word"),
        pytest.param(of(InterfaceError), True, False, id="closed"),
        pytest.param(of(OperationalError, errors.DiskFull()), True, False, id="disk full"),
        pytest.param(of(OperationalError, errors.QueryCanceled()), True, True, id="took too long"),
        pytest.param(of(OperationalError, errors.ProgramLimitExceeded()), False, True, id="too large for its index"),
        pytest.param(of(IntegrityError, errors.UniqueViolation()), False, True, id="there already"),
        pytest.param(of(DataError), False, True, id="refused before it was sent"),
        pytest.param(KeyError("one"), False, True, id="our own"),
    ],
)
def test_what_an_error_is_of(problem: Exception, *, of_the_database: bool, of_the_rows: bool) -> None:
    assert (is_of_the_database(problem), is_of_the_rows(problem)) == (of_the_database, of_the_rows)

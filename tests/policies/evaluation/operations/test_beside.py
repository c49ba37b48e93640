"""Writing from a thread beside belongs to this thread's transaction, with all that it does and fails at."""

from threading import current_thread

import pytest
from django.db import IntegrityError, connection, transaction

from governance.work.models import Heartbeat
from policies.evaluation.operations.beside import beside
from tests.policies.conftest import AT


def beat(name: str) -> str:
    with transaction.atomic():
        Heartbeat.objects.create(name=name, beat_at=AT)
    return current_thread().name


@pytest.mark.django_db(transaction=True)
def test_it_is_written_in_this_threads_transaction_and_undone_with_it() -> None:
    done: list[str] = []
    with transaction.atomic():
        thread = beside(lambda: beat("a"), [lambda: done.append(current_thread().name)] * 2)
        assert Heartbeat.objects.filter(name="a").exists()
        transaction.set_rollback(True)
    assert thread != current_thread().name
    assert done == [current_thread().name] * 2
    assert not Heartbeat.objects.exists()
    assert beside(lambda: beat("b"), []) == current_thread().name
    assert Heartbeat.objects.get().name == "b"


@pytest.mark.django_db(transaction=True)
def test_its_error_is_this_threads_and_the_connection_is_its_own_again() -> None:
    beat("a")
    with pytest.raises(IntegrityError), transaction.atomic():
        beside(lambda: beat("a"), [lambda: None])
    assert not connection.allow_thread_sharing
    assert Heartbeat.objects.get().name == "a"


@pytest.mark.django_db(transaction=True)
def test_what_is_to_be_done_after_the_commit_is_done_then() -> None:
    done: list[str] = []
    with transaction.atomic():
        beside(lambda: transaction.on_commit(lambda: done.append(current_thread().name)), [lambda: None])
        assert done == []
    assert done == [current_thread().name]

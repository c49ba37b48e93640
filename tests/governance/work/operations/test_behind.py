"""What is done behind a thread belongs to its transaction, with all that it does and fails at."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import current_thread

import pytest
from django.db import IntegrityError, connection, transaction

from governance.work.models import Heartbeat
from governance.work.operations import behind, copy_values, send

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def beat(name: str, threads: list[str]) -> None:
    with transaction.atomic():
        Heartbeat.objects.create(name=name, beat_at=AT)
    threads.append(current_thread().name)


def note(done: list[str], what: str) -> Callable[[], None]:
    return lambda: done.append(what)


@pytest.mark.django_db(transaction=True)
def test_it_is_done_in_order_in_this_threads_transaction_and_undone_with_it() -> None:
    threads: list[str] = []
    with transaction.atomic():
        with behind():
            send(partial(beat, "a", threads))
            copy_values(Heartbeat, ("name",), ((name,) for name in ("b", "c")), same={"beat_at": AT, "detail": ""})
            send(partial(beat, "d", threads))
        assert list(Heartbeat.objects.order_by("name").values_list("name", flat=True)) == ["a", "b", "c", "d"]
        transaction.set_rollback(True)
    assert len(set(threads)) == 1
    assert current_thread().name not in threads
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_a_block_it_is_done_here_at_once() -> None:
    threads: list[str] = []
    send(partial(beat, "a", threads))
    assert threads == [current_thread().name]
    assert Heartbeat.objects.get().name == "a"


@pytest.mark.django_db(transaction=True)
def test_what_fails_first_is_raised_here_nothing_after_it_is_done_and_the_connection_is_this_threads_again() -> None:
    threads: list[str] = []
    beat("a", [])

    def beat_all() -> None:
        with transaction.atomic(), behind():
            for name in ("b", "a", "c"):
                send(partial(beat, name, threads))

    with pytest.raises(IntegrityError):
        beat_all()
    assert len(threads) == 1
    assert not connection.allow_thread_sharing
    assert Heartbeat.objects.get().name == "a"


@pytest.mark.django_db(transaction=True)
def test_an_error_of_the_block_is_raised_when_all_is_done() -> None:
    threads: list[str] = []

    def beat_and_fail() -> None:
        with behind():
            send(partial(beat, "a", threads))
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        beat_and_fail()
    assert len(threads) == 1
    assert Heartbeat.objects.get().name == "a"


@pytest.mark.django_db(transaction=True)
def test_nothing_else_reaches_the_database_in_the_block() -> None:
    with pytest.raises(RuntimeError, match="is lent"), transaction.atomic(), behind():
        Heartbeat.objects.exists()
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_to_be_done_after_the_commit_is_done_then() -> None:
    done: list[str] = []
    with transaction.atomic():
        with behind():
            send(lambda: transaction.on_commit(note(done, current_thread().name)))
        assert done == []
    assert len(done) == 1

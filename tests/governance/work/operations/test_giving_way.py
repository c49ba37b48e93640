import threading

import pytest
from django.db import OperationalError, connection, transaction

from governance.work.models import Heartbeat
from governance.work.operations import give_way
from tests.governance.conftest import at_once

TABLE = Heartbeat._meta.db_table


def lock() -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
    return "done"


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_a_moment_at_a_time() -> None:
    is_held, is_over = threading.Event(), threading.Event()
    tried = []

    def change() -> str:
        tried.append(1)
        return lock()

    def work(number: int) -> None:
        if number:
            is_held.wait(60)
            with pytest.raises(OperationalError):
                give_way(change, tries=2, pause_s=0.01)
            is_over.set()
            return
        with transaction.atomic():
            lock()
            is_held.set()
            is_over.wait(60)

    at_once(work, 2)
    assert len(tried) == 2
    assert give_way(change) == "done"


@pytest.mark.django_db(transaction=True)
def test_another_fault_is_no_reason_to_try_again() -> None:
    tried = []

    def fail() -> None:
        tried.append(1)
        raise OperationalError("no connection")

    with pytest.raises(OperationalError, match="no connection"):
        give_way(fail)
    assert len(tried) == 1

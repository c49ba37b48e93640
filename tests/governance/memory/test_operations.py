from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from governance.memory.engine import CHANNEL
from governance.memory.operations import tell_after
from tests.policies.decisions.operations.test_following import conninfo


def told(other: "psycopg.Connection[Any]") -> list[str]:
    return [notify.payload for notify in other.notifies(timeout=0.2)]


@pytest.mark.django_db(transaction=True)
def test_its_number_is_told_with_the_commit_after_all_else() -> None:
    with psycopg.connect(conninfo(), autocommit=True) as other:
        other.execute(f"LISTEN {CHANNEL}")
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, 'constraint 1')", [CHANNEL])
            number = tell_after()
            assert told(other) == []
        assert told(other) == ["constraint 1", f"after {number}"]

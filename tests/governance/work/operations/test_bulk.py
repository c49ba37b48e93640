from typing import Any

import pytest
from django.db import IntegrityError, transaction

from governance.scopes.models import Scope
from governance.work.models import DirtyScope, Heartbeat
from governance.work.operations.bulk import copy_rows
from tests.governance.conftest import AT


def test_many_rows_go_in_with_one_statement(db: None) -> None:
    rows = [Heartbeat(name=f"b\\{number}\t\n", beat_at=AT, detail="'quoted', \\N") for number in range(300)]
    copy_rows(rows)
    assert set(Heartbeat.objects.values_list("name", "beat_at", "detail")) == {
        (row.name, AT, "'quoted', \\N") for row in rows
    }


def test_nothing_to_copy_asks_nothing(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # the savepoint and its release
        copy_rows([])


def test_constraints_hold_and_the_error_is_djangos(search: Scope) -> None:
    copy_rows([DirtyScope(scope=search, dirty_since=AT)])
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_rows([DirtyScope(scope=search, dirty_since=AT)])
    assert DirtyScope.objects.count() == 1

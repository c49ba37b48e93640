from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from allocation.usage.operations.crossings import evaluate_crossings
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from tests.allocation.conftest import AT

asked: list[tuple[set[int], datetime]] = []


def evaluate_the_first(*, scope_ids: set[int], at: datetime) -> set[int]:
    asked.append((scope_ids, at))
    return {min(scope_ids)}


def fail(**_: object) -> set[int]:
    DirtyScope.objects.all().delete()
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _nothing_asked(db: None) -> None:
    asked.clear()
    DirtyScope.objects.all().delete()


def dirty() -> list[tuple[str, bool]]:
    return list(DirtyScope.objects.order_by("scope__path").values_list("scope__path", "can_wait"))


def test_what_was_not_evaluated_and_what_is_above_is_marked_at_once(acme: Scope, settings: Any) -> None:
    settings.USAGE_CROSSING = f"{__name__}.evaluate_the_first"
    search, ranker = Scope.objects.get(path="acme/search"), Scope.objects.get(path="acme/search/ranker")
    DirtyScope.objects.all().delete()

    number = evaluate_crossings({search.pk, ranker.pk}, AT)

    assert asked == [({search.pk, ranker.pk}, AT)]
    assert dirty() == [("acme", False), ("acme/search/ranker", False)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert cursor.fetchone() == (number,)


@pytest.mark.parametrize("crossing", ["", f"{__name__}.fail"])
def test_what_cannot_be_evaluated_here_is_marked_and_nothing_is_told(
    acme: Scope, settings: Any, crossing: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings.USAGE_CROSSING = crossing
    assert evaluate_crossings({acme.pk}, AT) == 0
    assert dirty()[0] == ("acme", False)
    assert ("ZeroDivisionError" in caplog.text) is bool(crossing)


def test_where_nothing_came_to_a_line_nobody_is_asked(settings: Any) -> None:
    settings.USAGE_CROSSING = f"{__name__}.evaluate_the_first"
    assert evaluate_crossings(set(), AT) == 0
    assert (asked, dirty()) == ([], [])

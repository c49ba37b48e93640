"""A task is begun elsewhere first, by who knows its id: what that takes from those whose task it is, and what not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from allocation.outcomes.models import Outcome
from allocation.outcomes.operations import record_outcomes
from allocation.usage.models import Task, TaskDay, UsageDay
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, acme, event, search
from tests.allocation.outcomes.reported import typed

__all__ = ["acme", "search"]

pytestmark = [pytest.mark.adversary("what is not yours"), pytest.mark.django_db]

COST = Decimal("0.4")


@pytest.fixture
def _begun_elsewhere(acme: Scope, search: Scope) -> None:
    """By a key of another team at nothing, and an hour before the call that costs."""
    ads = Scope.objects.get(path="acme/ads")
    nothing = event(
        scope="acme/ads", id="first", task_id="t1", cost=Decimal(0), tokens={}, occurred_at=AT - timedelta(hours=1)
    )
    record_usage(events=[nothing], key_scope_id=ads.pk, weir_key="aaaaaaaaa1", at=AT)
    own = event(scope="acme/search", id="call", task_id="t1", cost=COST, tokens={"input": 70}, occurred_at=AT)
    record_usage(events=[own], key_scope_id=search.pk, weir_key="bbbbbbbbb2", at=AT)


@pytest.mark.usefixtures("_begun_elsewhere")
def test_whoever_began_a_task_its_cost_is_where_its_calls_were() -> None:
    assert Task.objects.values_list("scope__path", "cost", "tokens").get() == ("acme/ads", COST, 70)
    day = TaskDay.objects.values_list("scope__path", "tasks", "cost", "tokens").order_by("scope__path")
    assert list(day) == [("acme/ads", 1, Decimal(0), 0), ("acme/search", 0, COST, 70)]
    assert UsageDay.objects.values_list("cost", flat=True).get(scope__path="acme/search") == COST


@pytest.mark.usefixtures("_begun_elsewhere")
def test_an_outcome_that_names_its_scope_stays_there_and_a_teams_goes_to_no_other(acme: Scope, search: Scope) -> None:
    named = typed(scope="acme/search", id="named", task_ids=["t1"])
    by_task = typed(scope=None, id="by task", task_ids=["t1"])
    told = record_outcomes(events=[named, by_task], key_scope_id=search.pk, sender="bbbbbbbbb2", at=AT)
    assert [each.code for each in told.rejected] == ["task_unknown"]
    assert list(Outcome.objects.values_list("scope__path", flat=True)) == ["acme/search"]

    whole = record_outcomes(events=[by_task], key_scope_id=acme.pk, sender="ccccccccc3", at=AT)
    assert (whole.accepted, Outcome.objects.latest("pk").scope.path) == (1, "acme/ads")

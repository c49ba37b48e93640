from datetime import timedelta
from typing import Any

from budgets.reservations.queries.observed import observed_calls
from governance.scopes.models import Scope
from tests.budgets.conftest import AT
from tests.budgets.reservations.operations.test_sizing import calls


def test_only_calls_of_the_last_thirty_days_that_succeeded_are_looked_at(search: Scope, ranker: Scope) -> None:
    calls(ranker, ["1"] * 2)
    asked: dict[str, Any] = {"scope_id": search.pk, "provider": "openai", "model": "gpt-4o", "operation": "chat"}
    assert [int(call.cost) for call in observed_calls(**asked, at=AT)] == [1, 1]
    assert observed_calls(**asked | {"provider": "azure"}, at=AT) == []
    assert observed_calls(**asked, at=AT + timedelta(days=31)) == []
    assert observed_calls(**asked, at=AT - timedelta(days=1)) == []

"""What guardrails remember of scopes, read one by one: a state that nobody can read is no other's matter."""

import pytest

from governance.scopes.models import Scope
from policies.evaluation.queries.states import remembered_states
from policies.guardrails.models import GuardrailState
from tests.policies.conftest import AT, Apply, Spend, evaluate


@pytest.mark.usefixtures("budget")
def test_a_state_that_cannot_be_read_says_why_beside_the_others(apply: Apply, spend: Spend, search: Scope) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    stored = GuardrailState.objects.get()
    broken = GuardrailState.objects.create(
        guardrail="another", scope=search, period_start=stored.period_start, period_end=stored.period_end,
        state={"steps": [{"name": 5}]}, updated_at=AT,
    )  # fmt: skip
    states = remembered_states(None)[search.pk]
    assert {name: (state.id, bool(state.unreadable)) for name, state in states.items()} == {
        "monthly-budget": (stored.pk, False),
        "another": (broken.pk, True),
    }
    assert remembered_states([search.pk + 1]) == {}

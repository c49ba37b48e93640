import json
from typing import Any

from hypothesis import given

from policies.guardrails.engine.types import GuardrailState
from tests.policies.guardrails.engine.histories import histories, run


@given(histories)
def test_the_state_survives_json(history: list[Any]) -> None:
    for outcome in run(history):
        if outcome.state is not None:
            assert GuardrailState.from_json(json.loads(json.dumps(outcome.state.to_json()))) == outcome.state
        json.dumps(outcome.inputs, allow_nan=False)

from typing import Any

import pytest

from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.errors import GuardrailError
from tests.policies.guardrails.engine.guardrails import document, step

SPEND = {"spend": {"fact": "cost", "window": "24h"}}


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        pytest.param(
            {"facts": {"spend": {"fact": "costs", "window": "24h"}}},
            "spec.facts.spend",
            "did you mean `cost`",
            id="fact",
        ),
        pytest.param(
            {"facts": {**SPEND, "again": {"fact": "cost", "window": "24h"}}},
            "spec.facts.again",
            "same fact as `spend`",
            id="twice",
        ),
        pytest.param({"variables": {"a": "b + 1", "b": "a + 1"}}, "spec.variables.a", "reads itself", id="a circle"),
        pytest.param(
            {"variables": {"used": "spend / alowance"}}, "spec.variables.used", "`alowance` is not declared", id="typo"
        ),
        pytest.param({"conditions": {"busy": "spend + 1"}}, "spec.conditions.busy", "not true or false", id="a number"),
    ],
)
def test_a_faulty_part_is_named_by_its_path(spec: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(GuardrailError) as caught:
        compile_policy(document(step("s", "spend > 1"), **{"facts": SPEND, **spec}))
    first = next(one for one in caught.value.findings if one.severity == "error")
    assert first.path == path
    assert message in first.message


def test_all_faults_are_reported_together() -> None:
    with pytest.raises(GuardrailError) as caught:
        compile_policy(document(step("a", "spnd > 1"), step("b", "spend == 1"), facts=SPEND))
    assert [one.path for one in caught.value.findings] == ["spec.steps.a.when", "spec.steps.b.when"]
    assert (caught.value.code, caught.value.status) == ("guardrail_invalid", 422)


def test_parameters_of_every_type_can_be_read() -> None:
    params = {
        "a": {"type": "double", "default": -0.5},
        "b": {"type": "int", "default": 7},
        "c": {"type": "bool", "default": True},
        "d": {"type": "string", "default": 'say "é" \\ 🚀'},
        "e": {"type": "duration", "default": "15m"},
    }
    when = "params.c && spend > params.a + params.b && params.d != scope.path && age < params.e"
    facts = {**SPEND, "age": {"fact": "data.age"}}
    policy = compile_policy(document(step("s", when), facts=facts, params=params))
    assert policy.params == {"a": -0.5, "b": 7.0, "c": True, "d": 'say "é" \\ 🚀', "e": 900.0}


def test_one_mistake_is_told_of_once() -> None:
    variables = {"a": "spnd + 1", "b": "a * 2"}
    with pytest.raises(GuardrailError) as caught:
        compile_policy(document(step("s", "b > 1"), facts=SPEND, variables=variables))
    assert [one.path for one in caught.value.findings] == ["spec.variables.a"]


@pytest.mark.parametrize(
    ("when", "variables", "message"),
    [
        pytest.param("spend" + "/spend" * 600 + " > 1", {}, "more than 32 deep", id="six hundred divisions"),
        pytest.param(
            "v30 > 1",
            {"v0": "spend + 1", **{f"v{one}": f"v{one - 1} + v{one - 1}" for one in range(1, 31)}},
            "longer than 20,000 characters",
            id="variables that double thirty times",
        ),
        pytest.param(
            "size(scope.path) / size(scope.kind) > 2 && spend > 1", {}, "not a count", id="a count as divisor"
        ),
        pytest.param("spend > 1 ) || ( true", {}, "syntax error", id="brackets that break out"),
    ],
)
def test_hostile_text_ends_in_a_sentence(when: str, variables: dict[str, str], message: str) -> None:
    with pytest.raises(GuardrailError, match=message):
        compile_policy(document(step("s", when), facts=SPEND, variables=variables))

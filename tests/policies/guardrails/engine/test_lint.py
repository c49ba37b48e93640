"""What types cannot see is found before a guardrail is applied: errors stop it, warnings are told."""

from typing import Any

import pytest

from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.errors import GuardrailError
from tests.policies.guardrails.engine.guardrails import BLOCK, document, step

PARAMS = {"stop_at": {"type": "double", "default": 100}, "pattern": {"type": "string", "default": "["}}


OVERLAP = "can hold at the same time as `when` (for example spend 100.1); while both hold the step stays in force"


SPEND = {"spend": {"fact": "cost", "window": "24h"}}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        pytest.param("spend == 100", "`==` on the number `spend`", id="equality on money"),
        pytest.param("spend != 0.0", "`!=` on the number `spend`", id="inequality on money"),
        pytest.param("spend / 2 == 50", "`==` on the number `spend / 2.0`", id="equality on a computed number"),
        pytest.param("spend in [1, 2]", "`in` on the number `spend`", id="membership of money"),
        pytest.param("true", "reads nothing that can change", id="always true"),
        pytest.param("1 > 2", "reads nothing that can change", id="always false"),
        pytest.param("params.stop_at > 50", "reads nothing that can change", id="only parameters"),
        pytest.param("spend >= 0", "is always true", id="true for every cost there is"),
        pytest.param("spend >= 0 || spend < 5", "is always true", id="true by its alternative"),
        pytest.param(
            "spend > 1 && scope.path.matches('[')", "`'['` is not a regular expression: invalid", id="bad pattern"
        ),
        pytest.param(
            "spend > 1 && matches(scope.path, '(')", "is not a regular expression", id="bad pattern, as a function"
        ),
        pytest.param(
            "spend > 1 && scope.path.matches(params.pattern)", "is not a regular expression", id="bad parameter"
        ),
        pytest.param(
            "spend > 1 && duration('7d') > duration('1h')", "`duration('7d')` is not a duration", id="seven days"
        ),
        pytest.param("spend / 0 > 1", "always fails: division by zero", id="division by a written zero"),
        pytest.param("spend", "yields double, not true or false", id="not a condition"),
        pytest.param("spnd > 1", "`spnd` is not declared (did you mean `spend`?)", id="a typo"),
        pytest.param("has(spend) && spend > 1", "`spend` is not optional", id="has() of a required fact"),
        pytest.param("[1.0].exists(spend, spend > 2.0)", "`spend` is already the name of a fact", id="a name shadowed"),
    ],
)
def test_a_faulty_condition_is_refused_in_a_sentence(when: str, message: str) -> None:
    with pytest.raises(GuardrailError) as caught:
        compile_policy(document(step("s", when), facts=SPEND, params=PARAMS))
    found = [one for one in caught.value.findings if one.severity == "error"]
    assert [one.path for one in found] == ["spec.steps.s.when"]
    assert message in found[0].message


def test_an_expression_that_loops_is_refused() -> None:
    many = "[" + ",".join("1" * 110) + "]"
    with pytest.raises(GuardrailError, match="loops more than 10,000 times"):
        compile_policy(document(step("s", f"spend > 1 || {many}.all(x, {many}.all(y, true))"), facts=SPEND))


@pytest.mark.parametrize(
    ("steps", "spec", "warnings"),
    [
        pytest.param([step("s", "spend > 100")], {}, [], id="nothing to say"),
        pytest.param(
            [step("s", "spend > 100", release="spend < 200")],
            {},
            [f"spec.steps.s.release: {OVERLAP}"],
            id="release overlaps when",
        ),
        pytest.param([step("s", "spend > 100", release="spend <= 100")], {}, [], id="release is the opposite of when"),
        pytest.param(
            [step("s", "spend < 0")],
            {},
            ["spec.steps.s.when: was never true for any tried value; check its limits"],
            id="never true",
        ),
        pytest.param(
            [step("s", "spend > 100", actions=[BLOCK])],
            {},
            ["spec.steps.s: blocks without `release` or `min_hold`: it ends as soon as `when` no longer holds"],
            id="a block without release",
        ),
        pytest.param(
            [step("s", "spend > 100")],
            {
                "facts": {**SPEND, "calls": {"fact": "requests", "window": "1h"}},
                "params": {"limit": {"type": "int", "default": 3}},
                "variables": {"double_spend": "spend * 2"},
            },
            [
                "spec.facts.calls: is never read",
                "spec.params.limit: is never read",
                "spec.variables.double_spend: is never read",
            ],
            id="declared and never read",
        ),
        pytest.param(
            [step("s", "spend > 100 && ratio > 0.5")],
            {"facts": {**SPEND, "ratio": {"fact": "budget.used_ratio", "optional": True}}},
            ["spec.steps.s.when: reads the optional `ratio` without has(ratio): the state is held while it is missing"],
            id="an optional fact without has()",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(steps: list[Any], spec: dict[str, Any], warnings: list[str]) -> None:
    policy = compile_policy(document(*steps, **{"facts": SPEND, **spec}))
    assert [str(one) for one in policy.findings] == warnings


def test_negative_remaining_is_a_value_a_fact_can_have() -> None:
    policy = compile_policy(document(step("s", "left < 0"), facts={"left": {"fact": "budget.remaining"}}))
    assert policy.findings == ()


def test_a_ladder_too_long_for_the_short_cut_still_works() -> None:
    steps = [step(f"s{j}", " || ".join(f"spend > {one + 1}" for one in range(250))) for j in range(20)]
    policy = compile_policy(document(*steps, facts=SPEND))
    assert policy.quiet.text == "true"

import copy
import json
from typing import Any

import jsonschema
import pytest

from governance.documents import DocumentError
from policies.guardrails.documents import guardrail_schema, parse_guardrail
from tests.policies.guardrails.documents.written import ROOT, VALID

SCHEMA = ROOT / "docs" / "reference" / "guardrail.schema.json"


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    data = copy.deepcopy(VALID)
    place: Any = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return data


STEP = ("spec", "steps", 0)


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        pytest.param(
            (*STEP, "actions"),
            [{"reroute": {}}],
            "spec.steps[0].actions[0]",
            "action `reroute` is not supported in this version",
            id="reroute",
        ),
        pytest.param(
            (*STEP, "actions"),
            [{"throttle": {}}],
            "spec.steps[0].actions[0]",
            "action `throttle` is not supported in this version",
            id="throttle",
        ),
        pytest.param(
            (*STEP, "actions"),
            [{"require_approval": {}}],
            "spec.steps[0].actions[0]",
            "`require_approval` is not supported in this version",
            id="approval",
        ),
        pytest.param(
            (*STEP, "actions"),
            [{"blok": {}}],
            "spec.steps[0].actions[0]",
            "unknown action `blok`; use notify or block",
            id="an action misspelt",
        ),
        pytest.param(
            (*STEP, "actions"),
            ["block"],
            "spec.steps[0].actions[0]",
            "write an action as one mapping",
            id="an action as a word",
        ),
        pytest.param(
            (*STEP, "actions"),
            [{"block": {}, "notify": {}}],
            "spec.steps[0].actions[0]",
            "write an action as one mapping",
            id="two in one",
        ),
        pytest.param((*STEP, "actions"), [], "spec.steps[0].actions", "at least one is needed", id="no action"),
        pytest.param((*STEP, "whenn"), "true", "spec.steps[0].whenn", "is not a field here", id="a field misspelt"),
        pytest.param(
            (*STEP, "for"),
            "15 minutes",
            "spec.steps[0].for",
            "`15 minutes` is not a duration; write it as 90s, 15m, 4h or 7d",
            id="a duration in words",
        ),
        pytest.param((*STEP, "for"), 15, "spec.steps[0].for", "write a duration as 90s", id="a duration without unit"),
        pytest.param((*STEP, "name"), "none", "spec", "`none` is a reserved word", id="a step called none"),
        pytest.param(
            ("spec", "enforcement", "points"),
            ["gateway"],
            "spec.enforcement.points[0]",
            "enforcement point `gateway` is not supported in this version",
            id="gateway",
        ),
        pytest.param(
            ("spec", "enforcement", "blast_radius"),
            {"max_scopes": 20},
            "spec.enforcement",
            "`blast_radius` is not supported in this version; remove it",
            id="blast radius",
        ),
        pytest.param(
            ("spec", "enforcement", "on_error"),
            "release",
            "spec.enforcement.on_error",
            "`on_error: release` is not supported",
            id="on error",
        ),
        pytest.param(
            ("spec", "enforcement", "level"),
            "mandatory",
            "spec.enforcement.level",
            "Input should be 'dry_run'",
            id="a level misspelt",
        ),
        pytest.param(("spec", "rollout"), [], "spec", "`rollout` is not supported in this version", id="rollout"),
        pytest.param(
            ("spec", "facts", "spend", "model_tier"),
            "economy",
            "spec.facts.spend",
            "`model_tier` is not supported in this version",
            id="tiers",
        ),
        pytest.param(
            ("spec", "params", "stop_at", "type"), "decimal", "spec.params.stop_at", "decimal", id="a type there is not"
        ),
        pytest.param(
            ("spec", "params", "stop_at", "default"),
            "1.0",
            "spec.params.stop_at.double.default",
            "valid number",
            id="a number as text",
        ),
        pytest.param(
            ("spec", "params", "stop_at", "default"),
            float("nan"),
            "spec.params.stop_at.double.default",
            "finite",
            id="not a number",
        ),
        pytest.param(("spec", "facts"), {}, "spec.facts", "at least 1", id="no facts"),
        pytest.param(("spec", "exclude"), {}, "spec", "would exclude every scope", id="an exclude of everything"),
        pytest.param(
            ("spec", "steps"),
            [VALID["spec"]["steps"][0]] * 2,
            "spec",
            "the same step is given twice: `stop`",
            id="a step twice",
        ),
        pytest.param(
            ("spec", "variables"),
            {"spend": "1"},
            "spec",
            "the same name under facts and variables is given twice: `spend`",
            id="a name twice",
        ),
        pytest.param(
            ("spec", "tests", 0, "series"),
            {"spent": "1"},
            "spec",
            "test `it stops`: series for `spent`, which is none of `spend`",
            id="an unknown series",
        ),
        pytest.param(
            ("spec", "tests", 0, "series"),
            {},
            "spec",
            "no series for fact `spend`; `_x10` is ten missing samples",
            id="a series left out",
        ),
        pytest.param(
            ("spec", "tests", 0, "expect", 0, "step"),
            "halt",
            "spec",
            "expected step `halt`, which is none of `none`, `stop`",
            id="an unknown step",
        ),
        pytest.param(("metadata", "name"), "Daily Burn", "metadata.name", "match pattern", id="a name with a space"),
        pytest.param(("apiVersion",), "weir/v2", "apiVersion", "Input should be 'weir/v1'", id="another version"),
        pytest.param(
            ("kind",), "PolicyBinding", "kind", "PolicyBinding is not supported in this version", id="a binding"
        ),
        pytest.param(
            ("kind",), "PolicyExemption", "kind", "PolicyExemption is not supported in this version", id="an exemption"
        ),
    ],
)
def test_what_may_not_be_written_is_refused_in_a_sentence(
    path: tuple[str | int, ...], value: Any, where: str, message: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_guardrail(changed(path, value), source="burn.yaml", line=3)
    assert caught.value.file == "burn.yaml"
    assert f"{where}: " in caught.value.detail
    assert message in caught.value.detail


def test_the_published_schema_is_current() -> None:
    """`python -m policies.documents > docs/reference/guardrail.schema.json` writes it anew."""
    assert json.loads(SCHEMA.read_text()) == guardrail_schema()


def test_the_schema_refuses_what_the_parser_refuses() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed((*STEP, "actions"), [{"reroute": {}}]), guardrail_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed((*STEP, "actions"), []), guardrail_schema())

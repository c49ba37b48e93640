"""What a guardrail document may say, and the sentence for what it may not."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # comes without types
import pytest

from governance.documents import DocumentError, load_documents
from policies.guardrails.documents import (
    GuardrailPolicy,
    format_duration,
    guardrail_schema,
    parse_duration,
    parse_guardrail,
)
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.testing import run_tests

ROOT = Path(__file__).parents[4]
EXAMPLES = sorted((ROOT / "guardrails").glob("*.yaml"))
SCHEMA = ROOT / "docs" / "reference" / "guardrail.schema.json"
VALID: dict[str, Any] = {
    "apiVersion": "weir/v1",
    "kind": "GuardrailPolicy",
    "metadata": {"name": "daily-burn", "owner": "finops@example.com", "runbook": "docs/runbook.md#daily-burn"},
    "spec": {
        "severity": "high",
        "match": {"kinds": ["team"], "paths": ["acme/**"], "labels": {"env": "prod"}},
        "exclude": {"labels": {"lifecycle": "decommissioned"}},
        "params": {"stop_at": {"type": "double", "default": 1.0}, "quiet": {"type": "duration", "default": "1h30m"}},
        "facts": {"spend": {"fact": "cost", "window": "24h", "max_age": "15m"}},
        "steps": [
            {
                "name": "stop",
                "when": "spend >= params.stop_at",
                "for": "5m",
                "release": "spend < 0.5",
                "min_hold": "30m",
                "actions": [{"notify": {"to": ["owner", "slack:ai-spend"], "repeat_every": "4h"}}, {"block": {}}],
            }
        ],
        "enforcement": {"level": "soft_mandatory", "points": ["schedule"], "on_error": "hold"},
        "tests": [
            {
                "name": "it stops",
                "scope": {"kind": "team", "path": "acme/search", "labels": {"env": "prod"}},
                "every": "5m",
                "series": {"spend": "2x3"},
                "expect": [{"at": "5m", "step": "stop", "state": "firing", "actions": ["notify", "block"]}],
            }
        ],
    },
}


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


def test_a_document_survives_json() -> None:
    policy = parse_guardrail(VALID)
    written = json.loads(
        json.dumps(policy.model_dump(mode="json", by_alias=True, exclude_defaults=True), sort_keys=True)
    )
    assert GuardrailPolicy.model_validate(written) == policy


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("15m", 900), ("4h", 14_400), ("7d", 604_800), ("1h30m", 5_400), ("0m", 0)]
)
def test_durations_are_read(written: str, seconds: int) -> None:
    assert parse_duration(written).total_seconds() == seconds
    assert parse_duration(format_duration(parse_duration(written))).total_seconds() == seconds


@pytest.mark.parametrize("written", ["", "15", "m", "-5m", "1.5h", "15M", "1h 30m", "5m1h", "9999999d", "15m\n"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(written)


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_example_guardrails_are_valid_without_a_warning_and_pass_their_own_tests(file: Path) -> None:
    for sourced in load_documents(file.read_text(), source=file.name):
        policy = parse_guardrail(sourced)
        assert compile_policy(policy).findings == ()
        assert [one.sentences for one in run_tests(policy) if not one.passed] == []
        assert policy.spec.tests
        jsonschema.validate(sourced.data, guardrail_schema())


def test_the_published_schema_is_current() -> None:
    """`python -m policies.documents > docs/reference/guardrail.schema.json` writes it anew."""
    assert json.loads(SCHEMA.read_text()) == guardrail_schema()


def test_the_schema_refuses_what_the_parser_refuses() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed((*STEP, "actions"), [{"reroute": {}}]), guardrail_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed((*STEP, "actions"), []), guardrail_schema())

"""What a guardrail document may say, and the sentence for what it may not."""

import json
from pathlib import Path

import jsonschema
import pytest

from governance.documents import load_documents
from policies.guardrails.documents import GuardrailPolicy, guardrail_schema, parse_guardrail
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.testing import run_tests
from tests.policies.guardrails.documents.written import ROOT, VALID

EXAMPLES = sorted((ROOT / "guardrails").glob("*.yaml"))


def test_a_document_survives_json() -> None:
    policy = parse_guardrail(VALID)
    written = json.loads(
        json.dumps(policy.model_dump(mode="json", by_alias=True, exclude_defaults=True), sort_keys=True)
    )
    assert GuardrailPolicy.model_validate(written) == policy


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_example_guardrails_are_valid_without_a_warning_and_pass_their_own_tests(file: Path) -> None:
    for sourced in load_documents(file.read_text(), source=file.name):
        policy = parse_guardrail(sourced)
        assert compile_policy(policy).findings == ()
        assert [one.sentences for one in run_tests(policy) if not one.passed] == []
        assert policy.spec.tests
        jsonschema.validate(sourced.data, guardrail_schema())

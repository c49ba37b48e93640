"""`kind: AttributionRules` as it is read: what is refused, and that a refusal repeats no secret."""

import pytest
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from governance.documents import DocumentError, load_documents, parse_document

TEXT = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  keys:
    - {key_hash: 88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b, scope: acme/search}
    - {service_account: ranker@acme.iam.gserviceaccount.com, scope: acme/search, effective_to: 2026-11-24}
    - {service_account: ranker@acme.iam.gserviceaccount.com, scope: acme/ads, effective_from: 2026-11-24}
    - {credential: AKIAIOSFODNN7EXAMPLE, name: bedrock, scope: acme/ads}
  rules:
    - {name: batch, if: 'service_tier == "batch"', when: {team: "sk-*"}, scope: acme/ads}
    - {when: {team: search}, scope: acme/search}
"""
SECRET = "sk-proj-4f9d8e7c6b5a43210fedcba98765"


def read(text: str = TEXT) -> AttributionRulesDocument:
    return parse_document(TypeAdapter(AttributionRulesDocument), load_documents(text, source="rules.yaml")[0])


def test_it_is_read_and_written_alike() -> None:
    spec = read().spec
    assert [key.identity[0] for key in spec.keys or ()] == [
        "key_hash",
        "service_account",
        "service_account",
        "credential",
    ]
    assert spec.model_dump(mode="json", exclude_none=True)["rules"] == [
        {"name": "batch", "when": {"team": "sk-*"}, "if": 'service_tier == "batch"', "scope": "acme/ads"},
        {"name": "", "when": {"team": "search"}, "scope": "acme/search"},
    ]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('service_tier == "batch"', 'service_teir == "batch"', "rule batch: `service_teir` is not declared"),
        ('service_tier == "batch"', "attributes.team == 3", "rule batch"),
        ("{when: {team: search}, scope", "{scope", "needs `when`, `if` or both"),
        ("{when: {team: search}", "{name: batch, when: {team: search}", "has the name batch too"),
        ("name: bedrock, scope: acme/ads", "name: bedrock, scope: globex/ads", "keys.3.scope: globex/ads lies outside"),
        ("{credential: AKIAIOSFODNN7EXAMPLE, name: bedrock,", "{", "give one of key_hash, key_alias"),
        ("name: bedrock,", "project: p,", "exactly one way"),
        ("effective_from: 2026-11-24", "effective_from: 2026-11-23", "the same service_account stands in keys.1"),
        ("effective_to: 2026-11-24}", "effective_from: 2026-11-24, effective_to: 2026-11-24}", "half-open"),
        ("credential: AKIAIOSFODNN7EXAMPLE", "weir_key: weir_0123456789", "pattern"),
        ("key_hash:", "key_hsah:", "is not a field here"),
    ],
)
def test_a_mistake_is_named(before: str, after: str, words: str) -> None:
    assert before in TEXT
    with pytest.raises(DocumentError, match=words):
        read(TEXT.replace(before, after, 1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("AKIAIOSFODNN7EXAMPLE", SECRET),
        ("AKIAIOSFODNN7EXAMPLE", "AIzaSyA-1234567890abcdefghijklmnopqrstu"),
        ("AKIAIOSFODNN7EXAMPLE", "weir_0123456789_4f9d8e7c6b5a4321"),
        ("AKIAIOSFODNN7EXAMPLE", "sk-4f9d"),
        ('"sk-*"', f'"{SECRET}"'),
        ('service_tier == "batch"', f'key_hash == "{SECRET}"'),
    ],
)
def test_a_secret_is_refused_and_not_repeated(before: str, after: str) -> None:
    with pytest.raises(DocumentError, match="looks like a secret key; write the hash, alias or id") as refused:
        read(TEXT.replace(before, after, 1))
    assert after not in str(refused.value)
    assert SECRET not in str(refused.value)

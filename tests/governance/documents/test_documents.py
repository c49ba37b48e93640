import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from governance.documents import DocumentError, load_documents, parse_document
from governance.errors import DomainError
from governance.messages.documents import ChannelDocument
from governance.messages.models import Channel
from governance.messages.operations import apply_channel, channel_secrets, plan_channel
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations import apply_scope, create_user, plan_scope
from governance.people.models import Ownership
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM

SCOPE, CHANNEL = TypeAdapter(ScopeDocument), TypeAdapter(ChannelDocument)

SEARCH = """
apiVersion: weir/v1
kind: Scope
metadata:
  name: acme/search
  title: Search
spec:
  kind: team
  criticality: high
  labels: {cost-centre: "4711"}
  owners:
    - {email: Ada@example.com, persona: engineering}
    - {email: fay@example.com, persona: finance, rights: [approve_budget]}
"""
SLACK = """
apiVersion: weir/v1
kind: Channel
metadata: {name: finops}
spec:
  type: slack
  scope: acme
  url: {env: SLACK_WEBHOOK_URL}
"""


def scope(text: str) -> ScopeDocument:
    return parse_document(SCOPE, load_documents(text, source="scopes.yaml")[0])


def channel(text: str) -> ChannelDocument:
    return parse_document(CHANNEL, load_documents(text, source="channels.yaml")[0])


def test_each_document_knows_where_it_stands() -> None:
    first, second = load_documents("# first\na: 1\nb:\n  - c: x\n---\n\nd: 2\n---\n", source="two.yaml")
    assert (first.data, first.line, first.text) == ({"a": 1, "b": [{"c": "x"}]}, 2, "a: 1\nb:\n  - c: x")
    assert (second.data, second.line) == ({"d": 2}, 7)
    assert [first.line_of(path) for path in ((), ("a",), ("b",), ("b", 0, "c"), ("b", 0, "z"))] == [2, 2, 3, 4, 4]
    assert load_documents("", source="x") == load_documents("# nothing\n---\n", source="x") == []


def test_only_plain_values_are_read() -> None:
    (document,) = load_documents(
        "{a: yes, b: no, c: true, d: null, e: ~, f: 2026-11-24, g: 0x1F, h: 010, i: 1_000, "
        "j: 1.5, k: 1e3, l: 12:30:45, m: .inf}",
        source="x",
    )
    assert document.data == {
        "a": "yes", "b": "no", "c": True, "d": None, "e": None, "f": "2026-11-24", "g": "0x1F", "h": "010",
        "i": 1000, "j": 1.5, "k": "1e3", "l": "12:30:45", "m": ".inf",
    }  # fmt: skip


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate_key", 3),
        ("a:\n  b: 1\n  'b': 2\n", "duplicate_key", 3),
        ("a: [\n", "malformed_yaml", 2),
        ("a: 1\n\tb: 2\n", "malformed_yaml", 2),
        ("a: b: c\n", "malformed_yaml", 1),
        ("a: *nobody\n", "malformed_yaml", 1),
        ("a: \x00\n", "nul_character", 1),
        (b"a: \xff\n", "malformed_yaml", None),
        ("a: " + "[" * 51 + "]" * 51, "document_too_deep", 1),
        ("a: " + "[" * 100_000, "document_too_deep", 1),
        (BOMB, "document_too_large", 5),
        ("a: &a [*a]\n", "yaml_recursive", 1),
        ("a: &a 1\nb: [" + ",".join(["*a"] * 101) + "]\n", "too_many_aliases", 2),
        ("a: " + "x" * (1 << 20), "document_too_large", None),
        ("a: [" + "1," * 60_000 + "]", "document_too_large", 1),
        ("- a\n- b\n", "document_invalid", 1),
        ("just text", "document_invalid", 1),
        ("a: !!python/object/apply:os.system [ls]\n", "document_invalid", 1),
        ("a: !!set {x}\n", "document_invalid", 1),
        ("a: !!binary aGk=\n", "document_invalid", 1),
        ("a: !custom x\n", "document_invalid", 1),
        ("base: &b {x: 1}\na:\n  <<: *b\n", "document_invalid", 3),
        ("? [x]\n: 1\n", "document_invalid", 1),
        ("a: " + "9" * 31 + "\n", "document_invalid", 1),
    ],
)
def test_what_is_not_safe_to_read_is_refused_with_its_place(text: str | bytes, code: str, line: int | None) -> None:
    with pytest.raises(DocumentError) as refused:
        load_documents(text, source="bad.yaml")
    assert (refused.value.code, refused.value.line) == (code, line)
    assert refused.value.detail.startswith("bad.yaml:")


@given(st.binary(max_size=300) | st.text(max_size=300) | st.text(alphabet="{}[]:,-&*!#|>'\"\n ab01<?", max_size=80))
def test_no_text_at_all_breaks_the_reader(text: str | bytes) -> None:
    with contextlib.suppress(DocumentError):
        load_documents(text, source="any.yaml")


def test_a_typo_is_an_error_with_file_line_field_and_fix() -> None:
    with pytest.raises(DocumentError) as refused:
        scope(SEARCH.replace("criticality", "critcality"))
    assert refused.value.detail == (
        "scopes.yaml:9: spec.critcality: is not a field here; remove it or check its spelling"
    )


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("kind: team", "kind: squad", "spec.kind"),
        ("acme/search", "Acme/Search", "metadata.name"),
        ("acme/search", "acme//search", "metadata.name"),
        ("acme/search", "acme", ""),
        ("kind: team", "kind: organisation", ""),
        ("kind: team", "kind: team\n  currency: EUR", ""),
        ("weir/v1", "weir/v2", "apiVersion"),
        ("persona: finance", "persona: boss", "spec.owners[1].persona"),
        ("[approve_budget]", "[approve_all]", "spec.owners[1].rights[0]"),
        ("fay@example.com", "fay", "spec.owners[1].email"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused(old: str, new: str, field: str) -> None:
    with pytest.raises(DocumentError) as refused:
        scope(SEARCH.replace(old, new))
    assert refused.value.path == field


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  url: {env: SLACK_WEBHOOK_URL}\n", ""),
        ("{env: SLACK_WEBHOOK_URL}", "https://hooks.slack.com/services/secret"),
        ("type: slack", "type: webhook"),
        ("type: slack", "type: email"),
        ("type: slack", "type: pager"),
        ("type: slack", "type: slack\n  to: [a@example.com]"),
        ("name: finops", "name: Fin Ops"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused(old: str, new: str) -> None:
    with pytest.raises(DocumentError):
        channel(SLACK.replace(old, new))


def people(acme: Scope) -> None:
    for email in ("ada@example.com", "fay@example.com"):
        create_user(email=email, persona="engineering", scope=acme, rights=[], actor=SYSTEM, at=AT)


def test_a_scope_is_created_changed_and_left_alone(acme: Scope) -> None:
    people(acme)
    document = scope(SEARCH)
    assert plan_scope(document, at=AT).action == "create"
    assert apply_scope(document, actor=SYSTEM, at=AT).action == "create"
    made = Scope.objects.get(path="acme/search")
    assert (made.name, made.criticality, made.labels) == ("Search", "high", {"cost-centre": "4711"})
    owners = Ownership.objects.filter(scope=made).order_by("user__email")
    assert list(owners.values_list("user__email", "persona", "decision_right")) == [
        ("ada@example.com", "engineering", "acknowledge"), ("fay@example.com", "finance", "approve_budget"),
    ]  # fmt: skip
    records = DecisionRecord.objects.count()
    assert apply_scope(document, actor=SYSTEM, at=AT).action == "unchanged"
    assert DecisionRecord.objects.count() == records
    changed = scope(SEARCH.replace("high", "low").replace("rights: [approve_budget]", "rights: []"))
    assert apply_scope(changed, actor=SYSTEM, at=AT).differences == (
        "criticality: 'high' → 'low'",
        "owner + fay@example.com finance",
        "owner - fay@example.com finance approve_budget",
    )
    assert plan_scope(changed, at=AT).action == "unchanged"


def test_an_owner_nobody_created_is_named_with_the_command_that_does(acme: Scope) -> None:
    with pytest.raises(
        DomainError, match=r"weir users create ada@example\.com --persona engineering --scope acme/search"
    ):
        plan_scope(scope(SEARCH), at=AT)


def test_a_parent_exists_or_comes_earlier(acme: Scope) -> None:
    people(acme)
    orphan = scope(SEARCH.replace("acme/search", "acme/web/search"))
    with pytest.raises(DomainError, match="declare acme/web before it"):
        apply_scope(orphan, actor=SYSTEM, at=AT)
    assert plan_scope(orphan, at=AT, known_paths={"acme/web"}).action == "create"
    assert not Scope.objects.filter(slug="search").exists()


def test_a_channel_is_created_changed_and_left_alone(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    document = channel(SLACK)
    with pytest.raises(DomainError, match="set this environment variable"):
        plan_channel(document, at=AT)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/1")
    assert apply_channel(document, actor=SYSTEM, at=AT).action == "create"
    assert apply_channel(document, actor=SYSTEM, at=AT).action == "unchanged"
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/2")
    change = apply_channel(document, actor=SYSTEM, at=AT)
    assert (change.action, change.differences) == ("update", ("url changes",))
    assert channel_secrets(Channel.objects.get(name="finops")).url == "https://hooks.slack.com/services/2"


def test_a_channel_of_a_scope_that_is_not_there_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/1")
    with pytest.raises(DomainError, match="names the scope acme"):
        apply_channel(channel(SLACK), actor=SYSTEM, at=AT)


def test_documents_do_not_change(acme: Scope) -> None:
    document: Any = scope(SEARCH)
    with pytest.raises(ValueError, match="frozen"):
        document.spec.kind = "agent"

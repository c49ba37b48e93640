from typing import Any

import pytest
from django.db import transaction

from config import declared
from governance.documents import DocumentError
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations import apply_scope, create_scope, many_scopes
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: initech}
spec: {kind: organisation, currency: EUR}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: initech/sales, title: Sales}
spec: {kind: business_unit, labels: {tier: gold}}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: initech/it}
spec: {kind: business_unit, criticality: high, owners: [{email: ada@example.com, persona: engineering}]}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: initech/unattributed}
spec: {kind: business_unit, criticality: low}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: initech/sales/quotes}
spec: {kind: team, environment: production}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: initech/it/desk}
spec: {kind: team}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: initech/sales/quotes/bot}
spec: {kind: agent}
"""


def stored() -> list[Any]:
    scopes = Scope.objects.filter(path__startswith="initech").order_by("path")
    records = DecisionRecord.objects.filter(scope_path__startswith="initech").order_by("seq")
    return [
        list(scopes.values_list("path", "parent__path", "name", "kind", "environment", "criticality", "labels")),
        list(records.values_list("action", "scope__path", "scope_path", "subject", "evidence", "actor", "decided_at")),
    ]


@pytest.mark.parametrize("portion", [1, 2, 1_000])
def test_many_scopes_are_stored_and_recorded_as_one_after_the_other(
    acme: Scope, person: Person, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    person("ada@example.com", acme, "engineering")
    monkeypatch.setattr(many_scopes, "PORTION", portion)
    documents = declared.read_text(ORGANISATION, source="initech.yaml")
    with transaction.atomic():
        changes = [apply_scope(ScopeDocument.model_validate(each.data), actor=SYSTEM, at=AT) for each in documents]
        one_by_one = stored()
        transaction.set_rollback(True)
    assert stored() == [[], []]
    assert declared.apply(documents, actor=SYSTEM, at=AT) == changes
    assert stored() == one_by_one
    again = declared.apply(documents, actor=SYSTEM, at=AT)
    assert {change.action for change in again} == {"unchanged"}
    assert stored() == one_by_one


def test_a_refused_scope_is_named_with_its_line_and_none_is_stored(acme: Scope) -> None:
    lost = ORGANISATION.replace("initech/it/desk", "initech/nobody/desk")
    with pytest.raises(DocumentError, match="declare initech/nobody before it") as refused:
        declared.apply(declared.read_text(lost.replace("owners: ", "labels: {}} #"), source="x"), actor=SYSTEM, at=AT)
    assert refused.value.code == "parent_unknown"
    assert stored() == [[], []]


def test_scopes_below_one_that_was_there_are_created(acme: Scope, search: Scope) -> None:
    create_scope(slug="bot", kind="agent", parent=search, actor=SYSTEM, at=AT)
    names = ("acme/search/bot", "acme/search/bot/tool", "acme/new")
    text = "---\n".join(
        f"apiVersion: weir/v1\nkind: Scope\nmetadata: {{name: {name}}}\nspec: {{kind: agent}}\n" for name in names
    )
    changes = declared.apply(declared.read_text(text, source="x"), actor=SYSTEM, at=AT)
    assert [(change.name, change.action) for change in changes] == [
        ("acme/new", "create"), ("acme/search/bot", "unchanged"), ("acme/search/bot/tool", "create"),
    ]  # fmt: skip


def test_what_is_there_already_is_read_at_once(acme: Scope, person: Person, django_assert_max_num_queries: Any) -> None:
    person("ada@example.com", acme, "engineering")
    documents = declared.read_text(ORGANISATION, source="initech.yaml")
    declared.apply(documents, actor=SYSTEM, at=AT)
    told: list[tuple[int, int]] = []
    with django_assert_max_num_queries(6):
        again = declared.apply(documents, actor=SYSTEM, at=AT, progress=lambda done, of: told.append((done, of)))
    assert {change.action for change in again} == {"unchanged"}
    assert told == [(done, 7) for done in range(7)]
    fewer = declared.read_text(ORGANISATION.replace("{email: ada@example.com, persona: engineering}", ""), source="x")
    assert [change.differences for change in declared.apply(fewer, actor=SYSTEM, at=AT) if change.differences] == [
        ("owner - ada@example.com engineering acknowledge",)
    ]

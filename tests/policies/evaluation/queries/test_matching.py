"""Which guardrails speak to which scopes; where that cannot be said the pair is kept, to be held."""

from typing import Any

import pytest

from governance.scopes.models import Scope
from policies.evaluation.queries import guardrails_by_scope, guardrails_on
from policies.guardrails.engine import matching
from policies.guardrails.engine.types import ScopeView
from tests.policies.conftest import Apply


def test_guardrails_are_counted_where_they_speak_and_unknown_scopes_left_out(
    apply: Apply, acme: Scope, search: Scope
) -> None:
    apply()
    assert guardrails_by_scope([acme.pk, search.pk, search.pk + 1000]) == {acme.pk: 0, search.pk: 1}
    ((view, guardrail),) = guardrails_on([acme.pk, search.pk])
    assert (view.path, guardrail.name) == ("acme/search", "monthly-budget")


def test_a_pair_of_which_it_cannot_be_said_is_kept(
    apply: Apply, acme: Scope, search: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_spec: Any, scope: ScopeView) -> bool:
        if scope.path == "acme":
            raise TypeError("labels that are no mapping")
        return False

    apply()
    monkeypatch.setattr(matching, "matches", failing)
    assert guardrails_by_scope([acme.pk, search.pk]) == {acme.pk: 1, search.pk: 0}

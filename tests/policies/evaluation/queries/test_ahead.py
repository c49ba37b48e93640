"""What is evaluated before its turn counts only where nothing that it was made of has changed since."""

from __future__ import annotations

import pytest

from governance.scopes.models import Scope
from policies.evaluation.queries import Ahead, ScopeAssessment, assess
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.types import Evaluation, GuardrailState
from tests.policies.conftest import AT, MONTHLY_BUDGET, Apply, Spend, evaluate
from tests.policies.evaluation.limits import LATER

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the scopes that were evaluated."""
    paths: list[str] = []
    known = CompiledPolicy.evaluate

    def counted(self: CompiledPolicy, context: ScopeContext, previous: GuardrailState | None) -> Evaluation:
        paths.append(context.scope.path)
        return known(self, context, previous)

    monkeypatch.setattr(CompiledPolicy, "evaluate", counted)
    return paths


def worked_ahead(scope: Scope) -> Ahead:
    ahead = Ahead(AT)
    for work in ahead.prepare([scope.pk]):
        work()
    return ahead


def found(scope: Scope, ahead: Ahead | None = None) -> tuple[ScopeAssessment, ...]:
    return assess(at=AT, scope_ids=[scope.pk], ahead=ahead).findings


def test_the_outcome_is_the_same_and_not_worked_out_again(
    apply: Apply, spend: Spend, search: Scope, evaluations: list[str]
) -> None:
    apply()
    spend("acme/search", "104.00")
    expected = found(search)
    ahead = worked_ahead(search)
    evaluations.clear()
    assert found(search, ahead) == expected != ()
    assert evaluations == []
    assert found(search, ahead) == expected, "what was kept is given away once"
    assert evaluations == ["acme/search"]


def test_what_has_changed_since_is_evaluated(apply: Apply, spend: Spend, search: Scope, evaluations: list[str]) -> None:
    apply()
    spend("acme/search", "104.00")
    ahead = worked_ahead(search)
    spend("acme/search", "20.00")
    evaluations.clear()
    assert found(search, ahead) == found(search)
    assert evaluations == ["acme/search", "acme/search"]


def test_what_is_remembered_since_is_evaluated(apply: Apply, spend: Spend, search: Scope) -> None:
    apply()
    spend("acme/search", "104.00")
    ahead = worked_ahead(search)
    evaluate()
    assert found(search, ahead) == found(search)


def test_another_instant_or_version_is_evaluated(apply: Apply, spend: Spend, search: Scope) -> None:
    apply()
    spend("acme/search", "104.00")
    later = assess(at=LATER, scope_ids=[search.pk], ahead=worked_ahead(search))
    assert later.findings == assess(at=LATER, scope_ids=[search.pk]).findings
    ahead = worked_ahead(search)
    apply(MONTHLY_BUDGET.replace("severity: high", "severity: low"), level="advisory")
    assert found(search, ahead) == found(search)


def test_a_fault_is_told_of_when_it_is_its_turn(
    apply: Apply, spend: Spend, search: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply()
    spend("acme/search", "104.00")

    def fails(*_: object) -> Evaluation:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(CompiledPolicy, "evaluate", fails)
        ahead = worked_ahead(search)
    assert found(search, ahead) == found(search)
    with monkeypatch.context() as patched:
        patched.setattr("policies.evaluation.queries.ahead.read", fails)
        assert Ahead(AT).prepare([search.pk]) == []

import pytest

from governance.scopes.models import Scope
from policies.evaluation.queries.reading import read
from policies.guardrails.engine.facts import fact_key
from tests.policies.conftest import AT, Apply, Spend, evaluate

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


def test_of_each_scope_only_what_its_guardrails_read_is_read(
    apply: Apply, spend: Spend, acme: Scope, search: Scope
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    given = read(at=AT, scope_ids=[search.pk, acme.pk, 0])
    assert [view.path for view in given.views] == ["acme", "acme/search"]
    assert {view.path: [one.name for one in given.matches[view.id]] for view in given.views} == {
        "acme": [],
        "acme/search": ["monthly-budget"],
    }
    assert given.facts.values[acme.pk] == {}
    assert float(given.facts.values[search.pk][fact_key("budget.used", "", "money")].value or 0) == 104.0
    assert list(given.remembered) == [search.pk]
    assert given.unclear == {}

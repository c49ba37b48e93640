from django.utils import timezone

from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.approvals.api.test_views import signed_in
from tests.budgets.conftest import Propose, use
from tests.budgets.requests.conftest import Asks, asks, developer

__all__ = ["asks", "developer"]
NOW = timezone.now()


def test_what_there_is_to_decide_by_over_http(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, developer: Actor
) -> None:
    approve(acme, "1000", at=NOW)
    approve(search, "100", at=NOW)
    use(search, "96.2", on=NOW.date(), at=NOW)
    request = asks(search, "50", at=NOW)
    url = f"/api/v1/quota-requests/{request.pk}/facts"

    facts, of_the_team = (signed_in(actor).get(url).json() for actor in (finance, developer))

    assert (facts["limit"]["available"], facts["limit"]["budget_scope"]) == ("3.8", "acme/search")
    assert (facts["above"], facts["is_topmost"]) == ({"scope": "acme", "available": "900"}, False)
    assert (facts["tasks"], facts["achieved"], facts["before"]) == (0, [], None)
    assert (of_the_team["above"], of_the_team["limit"]["available"]) == (None, "3.8")

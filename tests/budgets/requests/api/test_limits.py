from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from budgets.forecasts.models import Forecast
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.approvals.api.test_views import signed_in, with_key
from tests.budgets.conftest import SYSTEM, Propose, account_of, person, use
from tests.budgets.requests.conftest import Asks, asks, developer

__all__ = ["asks", "developer"]
URL = "/api/v1/my/limits"
NOW = timezone.now()


def limits(answer: Any) -> dict[str, list[dict[str, Any]]]:
    assert answer.status_code == 200, answer.content
    return {row["scope"]: row["limits"] for row in answer.json()["results"]}


def test_who_holds_a_key_reads_what_limits_it_and_how_to_ask(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, developer: Actor, asks: Asks
) -> None:
    approve(acme, "1000", at=NOW)
    approve(search, "100", at=NOW)
    use(search, "96.2", on=NOW.date(), at=NOW)
    request = asks(search, "50", at=NOW)
    period = account_of(search, day=NOW.date()).interval
    Forecast.objects.create(
        scope=search, unit="money", currency="USD", made_on=NOW.date(), made_at=NOW, starts_on=period.start,
        ends_on=period.end, booked=96, low=110, mid=120, high=150, exhausted_mid=NOW.date(), words="It will not do.",
    )  # fmt: skip

    (limit,) = limits(with_key(search, "budgets:read").get(URL))["acme/search"]

    words, ask, resets_at = limit.pop("words"), limit.pop("ask"), limit.pop("resets_at")
    assert limit == {
        "unit": "money", "currency": "USD", "budget_scope": "acme/search", "is_charged": True,
        "limit": "100", "used": "96.2", "held": "0", "available": "3.8",
        "overshoot_bound": {
            "total": "0", "leases": "0", "holds": "0", "unsettled": "0", "unreported": "0", "burn_per_hour": "0",
            "data_age_seconds": None,
        },
        "forecast": {
            "made_on": str(NOW.date()), "low": "110", "mid": "120", "high": "150", "budgeted": None,
            "exhausted_mid": str(NOW.date()),
            "words": "It will not do.", "reason": "",
        },
        "owners": ["dev@example.com"], "decided_by": ["fay@example.com"], "open_requests": [request.pk],
    }  # fmt: skip
    assert resets_at == period.ends_at.isoformat().replace("+00:00", "Z")
    assert words.startswith("acme/search has used 96.20 USD of 100.00 USD, 3.80 USD left, until ")
    body = ask["body"] | {"amount": "5", "justification": "The launch."}
    asked = signed_in(developer).post(ask["path"], body, format="json")
    assert (asked.status_code, asked.json()["raises"]) == (201, "acme/search")


def test_of_a_budget_above_what_one_sees_its_people_are_told_and_no_amounts(
    search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    approve(search, "777", at=NOW)
    use(ranker, "333", on=NOW.date(), at=NOW)
    answer = with_key(ranker, "budgets:read").get(URL)

    (limit,) = limits(answer)["acme/search/ranker"]

    assert (limit["budget_scope"], limit["is_charged"], limit["decided_by"]) == (
        "acme/search", True, ["fay@example.com"],
    )  # fmt: skip
    assert {limit[name] for name in ("limit", "used", "held", "available", "forecast")} == {None}
    assert not {"777", "333"} & set(answer.content.decode().replace(".", '"').split('"'))


def test_a_person_reads_each_of_their_scopes_with_what_lies_above_that_they_see(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "1000", at=NOW)
    approve(acme, "5000", unit="tokens", at=NOW)
    approve(search, "100", at=NOW)
    http = signed_in(finance)

    assert sorted(limits(http.get(URL))) == ["acme"]
    of_ranker = limits(http.get(URL, {"scope": "acme/search/ranker"}))["acme/search/ranker"]
    assert [(each["unit"], each["budget_scope"], each["is_charged"], each["available"]) for each in of_ranker] == [
        ("money", "acme/search", True, "100"), ("money", "acme", False, "900"), ("tokens", "acme", True, "5000"),
    ]  # fmt: skip
    only = limits(http.get(URL, {"scope": "acme/search/ranker", "unit": "tokens"}))["acme/search/ranker"]
    assert [each["unit"] for each in only] == ["tokens"]
    assert http.get(URL, {"scope": "globex"}).json()["code"] == "scope_unknown"


@pytest.mark.parametrize("count", [1, 3])
def test_it_takes_the_same_statements_however_many_scopes(
    acme: Scope, approve: Propose, django_assert_num_queries: Any, count: int
) -> None:
    scopes = [
        create_scope(slug=f"team{number}", kind="team", parent=acme, actor=SYSTEM, at=NOW) for number in range(count)
    ]
    owner = person("lea@example.com", scopes[0], "engineering", "")
    for number, scope in enumerate(scopes):
        approve(scope, str(100 + number), at=NOW)
        if number:
            scope.ownerships.create(user=owner.user, persona="engineering")
    http = signed_in(owner)
    http.get(URL)  # notes the browser
    with django_assert_num_queries(19):
        assert len(limits(http.get(URL))) == count
    assert account_of(scopes[0], day=NOW.date()).funded == Decimal(100)

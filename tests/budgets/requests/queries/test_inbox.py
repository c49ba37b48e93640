from datetime import timedelta
from typing import Any

from budgets.requests.operations import answer_request, ask_about_request
from budgets.requests.queries.inbox import requests_waiting_for
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import AT, Propose, person
from tests.budgets.requests.conftest import Asks
from tests.budgets.requests.operations.test_agreeing import LEAD_THEN_FINANCE, decide


def waiting(*actors: Actor, at: Any = AT) -> list[list[str]]:
    """Of each the amounts that they are asked for."""
    return [[str(int(each.amount)) for each in requests_waiting_for(actor, at=at)] for actor in actors]


def test_a_request_waits_for_who_may_decide_and_not_for_who_asked(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, developer: Actor, author: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    team = person("tim@example.com", search, "finance", "approve_budget")
    root = Actor.of_user(User.objects.create_superuser("root@example.com", "a long password"))
    asks(search, "51", actor=finance)
    request = asks(search, "52")
    assert waiting(finance, team, root, developer, Actor.system()) == [["52"], ["51", "52"], ["51", "52"], [], []]
    # The author of the budget has the right too, and does not decide.
    person("al@example.com", search, "finance", "approve_budget")
    assert waiting(author) == [[]]
    # What was asked back waits for the team.
    ask_about_request(request_id=request.pk, actor=finance, text="What for?", at=AT)
    assert waiting(finance, team) == [[], ["51"]]
    answer_request(request_id=request.pk, actor=developer, text="The launch.", at=AT)
    assert waiting(finance) == [["52"]]
    assert waiting(finance, at=AT + timedelta(days=60)) == [[]]


def test_by_the_rules_it_waits_for_who_is_next(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    lead = person("lea@example.com", search, "engineering", "constrain_demand")
    approve(acme, "9000")
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    request = asks(search, "5000")
    assert waiting(lead, finance) == [["5000"], []]
    decide(request, lead)
    assert waiting(lead, finance) == [[], ["5000"]]


def test_more_requests_take_no_more_queries(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, django_assert_num_queries: Any
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    asks(search, "1")
    requests_waiting_for(finance, at=AT)
    for count in (1, 3):
        with django_assert_num_queries(7):
            assert len(requests_waiting_for(finance, at=AT)) == count
        if count == 1:
            asks(search, "2")
            asks(search, "3")

import pytest

from budgets.plans.errors import FourEyes
from budgets.requests.operations import answer_request, ask_about_request
from budgets.requests.rules import authors, check_decider, check_may_withdraw, is_author
from governance.errors import PersonRequired, RightRequired
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, person
from tests.budgets.requests.conftest import Asks


def test_who_asked_and_who_answered_are_its_authors(
    search: Scope, approve: Propose, asks: Asks, developer: Actor, finance: Actor
) -> None:
    approve(search, "100")
    helper = person("hal@example.com", search, "engineering", "")
    request = asks(search, "50")
    ask_about_request(request_id=request.pk, actor=finance, text="Why?", at=AT)
    answer_request(request_id=request.pk, actor=helper, text="Because.", at=AT)

    assert authors(request) == {developer.user.pk, helper.user.pk}
    assert [is_author(each, request) for each in (helper.user, finance.user, None)] == [True, False, False]
    check_may_withdraw(helper, request)
    check_may_withdraw(finance, request)


def test_a_person_with_the_right_decides_who_is_no_author(
    search: Scope, approve: Propose, asks: Asks, developer: Actor, finance: Actor, author: Actor
) -> None:
    budget = approve(search, "100")
    request = asks(search, "50")
    author.user.is_superuser = developer.user.is_superuser = True

    assert check_decider(finance, request, budget) == finance.user
    for actor, error in ((developer, FourEyes), (author, FourEyes), (Actor.system(), PersonRequired)):
        with pytest.raises(error):
            check_decider(actor, request, budget)
    assert check_decider(author, request, None) == author.user, "of a new budget there is no author yet"
    with pytest.raises(RightRequired):
        check_decider(person("bo@example.com", search, "finops", "acknowledge"), request, budget)

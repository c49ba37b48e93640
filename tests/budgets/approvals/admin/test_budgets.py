from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from budgets.ledger.models import Account
from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, browser, person, use

NOW = timezone.now()
LIST = "/admin/budgets/budget/"


def page_of(budget: Budget, verb: str = "change") -> str:
    return f"{LIST}{budget.pk}/{verb}/"


def messages_of(client: Client, **post: object) -> list[str]:
    answer = client.post(LIST, post, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_finance_approves_with_a_reason(search: Scope, propose: Propose, finance: Actor) -> None:
    budget, client = propose(search, "100", at=NOW), browser(finance)
    chosen = {"action": "approve", "_selected_action": budget.pk}

    page = client.post(LIST, chosen)
    assert "acme/search" in page.content.decode()
    assert "100.00 USD" in page.content.decode()
    refused = client.post(LIST, {**chosen, "apply": "1", "reason": ""})
    assert "This field is required" in refused.content.decode()
    shown_messages = messages_of(client, **chosen, apply="1", reason="planned")

    assert shown_messages == ["acme.search.money: approved."]
    budget.refresh_from_db()
    assert (budget.status, budget.decided_by, budget.decision_reason) == ("approved", finance.user, "planned")


def test_an_author_reads_why_somebody_else_has_to_decide(search: Scope, propose: Propose, finance: Actor) -> None:
    author = person("al@example.com", search, "finance", "approve_budget")
    budget = propose(search, "100", at=NOW)
    Budget.objects.filter(pk=budget.pk).update(submitted_by=author.user)
    client = browser(author)
    sentence = "someone else has to decide on it"

    assert sentence in client.get(page_of(budget)).content.decode()
    page = client.get(page_of(budget, "approve")).content.decode()
    assert sentence in page
    assert 'name="reason"' not in page
    for verb in ("approve", "reject"):
        shown_messages = messages_of(client, action=verb, _selected_action=budget.pk, apply="1", reason="mine")
        assert shown_messages == [f"acme.search.money: al@example.com proposed this budget; {sentence}."]
    budget.refresh_from_db()
    assert (budget.status, Account.objects.count()) == ("submitted", 0)


def test_what_changed_since_it_was_seen_is_not_approved(search: Scope, propose: Propose, finance: Actor) -> None:
    budget, client = propose(search, "100", at=NOW), browser(finance)
    url = page_of(budget, "approve")
    assert f'name="seen_{budget.pk}" value="100.000000000"' in client.get(url).content.decode()
    Budget.objects.filter(pk=budget.pk).update(amount=100_000)

    answer = client.post(url, {"apply": "1", "reason": "ok", f"seen_{budget.pk}": "100.000000000"}, follow=True)

    assert "has changed to 100,000.00 USD since you looked" in answer.content.decode()
    budget.refresh_from_db()
    assert budget.status == "submitted"


def test_finance_rejects_and_grants_more(
    search: Scope, acme: Scope, propose: Propose, approve: Propose, finance: Actor
) -> None:
    approved, proposed, client = approve(search, "100", at=NOW), propose(acme, "500", at=NOW), browser(finance)

    client.post(page_of(proposed, "reject"), {"apply": "1", "reason": "too much"}, follow=True)
    shown_messages = messages_of(
        client, action="grant", _selected_action=approved.pk, apply="1", reason="launch", amount="50"
    )
    wrong = messages_of(client, action="grant", _selected_action=approved.pk, apply="1", reason="launch", amount="-5")

    proposed.refresh_from_db()
    waits = "acme.search.money: waits for a second person to approve it; nothing has moved."
    assert (proposed.status, shown_messages) == ("rejected", [waits])
    assert wrong == ["acme.search.money: The amount of a budget is greater than zero."]
    assert Account.objects.get(kind="budget").funded == Decimal(100)
    second = browser(person("zoe@example.com", acme, "finance", "approve_budget"))
    agreed = messages_of(second, action="approve_grant", _selected_action=approved.pk, apply="1", reason="agreed")
    assert agreed == ["acme.search.money: grant approved."]
    assert Account.objects.get(kind="budget").funded == Decimal(150)


def test_a_budget_is_proposed_submitted_and_then_only_looked_at(search: Scope, finance: Actor) -> None:
    client = browser(finance)
    wrong = client.post(
        f"{LIST}add/",
        {"scope": search.pk, "unit": "money", "period": "month", "amount": "80", "starts_on": "2026-11-02"},
        follow=True,
    )
    assert "first day of a month" in wrong.content.decode()
    assert 'value="80"' in wrong.content.decode()

    client.post(f"{LIST}add/", {"scope": search.pk, "unit": "money", "period": "month", "amount": "80", "note": "n"})
    budget = Budget.objects.get()
    client.post(page_of(budget, "submit"), {"apply": "1"})
    client.post(page_of(budget), {"amount": "8000", "status": "approved"})

    budget.refresh_from_db()
    assert (budget.status, budget.amount, budget.created_by) == ("submitted", Decimal(80), finance.user)
    assert client.post(f"{LIST}{budget.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_approves_sees_what_would_be_carried_over_and_later_what_was(
    search: Scope, propose: Propose, approve: Propose, finance: Actor
) -> None:
    waiting = propose(search, "5", at=NOW, unit="tokens", carry_over="unspent", carry_over_max=Decimal(3))
    page = browser(finance).get(page_of(waiting, "approve")).content.decode()
    assert "what was not spent goes on into the next period, at most 3 tokens" in page

    budget = approve(search, "100", at=NOW, carry_over="both")
    Account.objects.filter(budget=budget).update(carried_in=Decimal(-4), carried_out=Decimal(6))
    page = browser(finance).get(page_of(budget)).content.decode()
    shown = ("Paid for the period before", "4.00 USD", "Gone on into the next period", "6.00 USD")
    assert [words for words in shown if words not in page] == []


def test_looking_changes_nothing(search: Scope, propose: Propose, finance: Actor) -> None:
    budget, client = propose(search, "100", at=NOW), browser(finance)

    for verb in ("approve", "reject", "grant", "give-back", "withdraw", "end", "submit"):
        assert client.get(page_of(budget, verb)).status_code == 200

    budget.refresh_from_db()
    assert budget.status == "submitted"


def test_a_page_shows_the_period_its_chart_and_the_ledger(
    search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    budget = approve(search, "100", at=NOW)
    use(ranker, "120.5", on=NOW.date(), at=NOW)

    page = browser(finance).get(page_of(budget)).content.decode()

    assert "120.50 USD of 100.00 USD used" in page
    assert '<svg viewBox="0 0 720 240" role="img" aria-labelledby="burn-title burn-summary"' in page
    assert "-20.50 USD" in page
    assert "from source" in page


def test_those_who_may_only_look_have_no_actions(search: Scope, propose: Propose, author: Actor) -> None:
    budget, client = propose(search, "100", at=NOW), browser(author)

    assert 'value="approve"' not in client.get(LIST).content.decode()
    assert client.get(page_of(budget)).status_code == 200
    assert client.post(page_of(budget, "approve"), {"apply": "1", "reason": "x"}).status_code == 403
    client.post(LIST, {"action": "approve", "_selected_action": budget.pk, "apply": "1", "reason": "x"})

    budget.refresh_from_db()
    assert budget.status == "submitted"


def test_others_budgets_are_not_shown(acme: Scope, search: Scope, propose: Propose) -> None:
    sibling = create_scope(slug="other", kind="team", parent=acme, actor=SYSTEM, at=NOW)
    stranger = browser(person("out@example.com", sibling, "finance", "approve_budget"))
    budget = propose(search, "100", at=NOW)

    assert "acme/search" not in stranger.get(LIST).content.decode()
    assert stranger.get(page_of(budget)).status_code == 302
    assert stranger.post(page_of(budget, "approve"), {"apply": "1", "reason": "x"}).status_code == 302
    budget.refresh_from_db()
    assert budget.status == "submitted"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_one_and_for_three(
    acme: Scope, approve: Propose, finance: Actor, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        team = create_scope(slug=f"t{number}", kind="team", parent=acme, actor=SYSTEM, at=NOW)
        approve(team, "10", at=NOW - timedelta(seconds=1))
    client = browser(finance)
    client.get(LIST)

    with django_assert_max_num_queries(14):
        page = client.get(LIST).content.decode()

    assert page.count("10.00 USD a month") == count


def test_accounts_are_listed(search: Scope, approve: Propose, finance: Actor) -> None:
    approve(search, "100", at=NOW)

    assert "100.00 USD" in browser(finance).get(reverse("admin:budgets_account_changelist")).content.decode()


def test_a_refused_form_keeps_what_was_typed(
    acme: Scope, search: Scope, propose: Propose, approve: Propose, finance: Actor
) -> None:
    client = browser(finance)
    typed = {
        "scope": search.pk, "unit": "money", "period": "month", "amount": "25", "starts_on": "2026-12-01",
        "ends_on": "2026-11-01", "note": "For the second team.",
    }  # fmt: skip
    page = client.post(f"{LIST}add/", typed)
    assert (page.status_code, Budget.objects.count()) == (200, 0)
    assert "For the second team." in page.content.decode()
    approve(acme, "10", at=NOW)
    asked = propose(search, "100", at=NOW)
    decided = client.post(page_of(asked, "approve"), {"apply": "1", "reason": "It was agreed in May."})
    assert decided.status_code == 200  # the organisation has less to give
    assert "It was agreed in May." in decided.content.decode()
    assert [str(message) for message in decided.context["messages"]] != []

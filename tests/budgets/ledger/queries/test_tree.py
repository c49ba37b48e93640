from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets.ledger.queries import tree
from budgets.ledger.queries.tree import Parts, divided, topmost
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, TODAY, Propose, account_of, person, use
from tests.budgets.reservations.held import held

pytestmark = pytest.mark.django_db


def parts(*amounts: str) -> Parts:
    return Parts(*(Decimal(amount) for amount in amounts))


def test_each_line_and_each_column_adds_up(acme: Scope, search: Scope, ranker: Scope, approve: Propose) -> None:
    """A quarter above months: the months that are over lie below it too."""
    approve(acme, "1000", period="quarter")
    approve(search, "300", at=AT - timedelta(days=30))
    approve(ranker, "100")
    use(acme, "20")
    use(search, "7.000000001", on=TODAY - timedelta(days=30))
    use(ranker, "130")
    held(search, "50")
    found = divided(account_of(acme))

    assert found.whole.parts == found.added == parts("1000", "157.000000001", "50", "792.999999999")
    assert found.kept == parts("400", "20", "0", "380")
    assert [(str(line.account), line.parts, line.has_below) for line in found.lines] == [
        ("acme/search, 2026-10-01 to 2026-11-01", parts("300", "7.000000001", "0", "292.999999999"), False),
        ("acme/search, 2026-11-01 to 2026-12-01", parts("300", "130", "50", "120"), True),
    ]
    below = divided(account_of(search))
    assert below.added == below.whole.parts == found.lines[1].parts
    assert (below.kept, below.lines[0].parts) == (parts("200", "0", "50", "150"), parts("100", "130", "0", "-30"))
    assert {each.difference for each in (found.added, found.kept, below.added, below.lines[0].parts)} == {0}


def test_what_is_not_shown_is_counted(acme: Scope, approve: Propose, monkeypatch: pytest.MonkeyPatch) -> None:
    approve(acme, "100")
    for amount in (1, 2, 3, 4, 5):
        approve(create_scope(slug=f"t{amount}", kind="team", parent=acme, actor=SYSTEM, at=AT), str(amount))
    monkeypatch.setattr(tree, "LINES", 2)
    found = divided(account_of(acme), first=2)
    assert [line.parts.allocated for line in found.lines] == [3, 2]
    assert (found.others.allocated, found.others_count) == (10, 3)
    assert found.added == found.whole.parts == parts("100", "0", "0", "100")


@pytest.mark.parametrize("count", [1, 4])
def test_as_many_queries_however_much_lies_below(
    acme: Scope, approve: Propose, count: int, django_assert_num_queries: Any
) -> None:
    approve(acme, "100")
    for number in range(count):
        approve(create_scope(slug=f"t{number}", kind="team", parent=acme, actor=SYSTEM, at=AT), "1")
    account = account_of(acme)
    with django_assert_num_queries(3):
        found = divided(account)
        assert [line.account.scope.slug for line in found.lines] == [f"t{number}" for number in range(count)]
    with django_assert_num_queries(2):
        assert [line.account.scope.slug for line in topmost(SYSTEM, day=TODAY)] == ["acme"]


def test_the_topmost_are_those_above_which_one_sees_nothing(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "100")
    approve(search, "50")
    approve(ranker, "10")
    approve(ranker, "1000", unit="tokens")
    team = person("tim@example.com", search, "finance", "approve_budget")
    assert [(line.account.unit, line.account.scope.slug) for line in topmost(finance, day=TODAY)] == [
        ("money", "acme"), ("tokens", "ranker"),
    ]  # fmt: skip
    assert [line.account.scope.slug for line in topmost(team, day=TODAY)] == ["search", "ranker"]

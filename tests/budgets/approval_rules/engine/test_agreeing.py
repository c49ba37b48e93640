from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from budgets.approval_rules.documents import StepSpec, Who
from budgets.approval_rules.engine.agreeing import (
    Agreed,
    ApprovalCase,
    Holding,
    Terms,
    agreed_so_far,
    candidates,
    in_words,
    is_last,
    members,
    next_people,
    next_place,
    places_of,
    told,
)

LEAD, LEAD_TOO, FAY, ZOE, REQUESTER = 1, 2, 3, 4, 9
HOLDINGS = (
    Holding(FAY, "fay@example.com", "finance", "approve_budget", "acme"),
    Holding(ZOE, "zoe@example.com", "finance", "approve_budget", "acme/search"),
    Holding(LEAD, "lea@example.com", "engineering", "constrain_demand", "acme/search"),
    Holding(LEAD_TOO, "leo@example.com", "engineering", "constrain_demand", "acme/search"),
    Holding(REQUESTER, "rob@example.com", "engineering", "constrain_demand", "acme/search"),
    Holding(LEAD, "lea@example.com", "engineering", "", "acme/search/ranker"),
)
STEPS = (
    StepSpec(persona="engineering", right="constrain_demand", people=2),
    StepSpec(right="approve_budget", at="acme"),
)
ALL = Terms(Decimal(5000), None)
CASE = ApprovalCase(
    version=1, rule="large", steps=STEPS, basis="b", agreements=(), barred=frozenset({REQUESTER}), holdings=HOLDINGS,
    asks_at="acme/search", money_at="acme/search",
)  # fmt: skip


def agreed(by: int, step: int = 1, terms: Terms = ALL, **more: Any) -> Agreed:
    return Agreed(by, step, terms, more.pop("basis", "b"), **more)


def state(*agreements: Agreed, terms: Terms | None = None, **case: Any) -> tuple[list[list[int]], list[str]]:
    """Who stands at each step, and who may agree next."""
    shown = replace(CASE, agreements=agreements, **case)
    places = places_of(shown, terms)
    place = next_place(places)
    may = candidates(shown, places, place) if place is not None else ()
    return [[each.by for each in one.agreed] for one in places], [each.email.split("@")[0] for each in may]


LESS = Terms(Decimal(3000), None)


@pytest.mark.parametrize(
    ("agreements", "more", "standing", "may"),
    [
        ((), {}, [[], []], ["lea", "leo"]),
        ((agreed(LEAD),), {}, [[LEAD], []], ["leo"]),
        ((agreed(LEAD), agreed(LEAD)), {}, [[LEAD], []], ["leo"]),
        ((agreed(LEAD), agreed(LEAD_TOO)), {}, [[LEAD, LEAD_TOO], []], ["fay"]),
        ((agreed(LEAD), agreed(LEAD_TOO), agreed(FAY, 2)), {}, [[LEAD, LEAD_TOO], [FAY]], []),
        # Terms of the budget, or steps, that are others.
        ((agreed(LEAD, basis="old"), agreed(LEAD_TOO)), {}, [[LEAD_TOO], []], ["lea"]),
        # One who has answered since does not stand any more.
        ((agreed(LEAD), agreed(LEAD_TOO)), {"barred": frozenset({LEAD})}, [[LEAD_TOO], []], ["rob"]),
        # Nobody stands after a step that is open again.
        ((agreed(LEAD), agreed(LEAD_TOO), agreed(FAY, 2)), {"barred": frozenset({LEAD, REQUESTER})},
         [[LEAD_TOO], []], []),
        # Who agreed to less has not agreed to more; who agreed to more has agreed to less.
        ((agreed(LEAD, terms=LESS), agreed(LEAD_TOO)), {"terms": ALL}, [[LEAD_TOO], []], ["lea"]),
        ((agreed(LEAD, terms=LESS), agreed(LEAD_TOO)), {"terms": LESS}, [[LEAD, LEAD_TOO], []], ["fay"]),
        ((agreed(LEAD, terms=LESS), agreed(LEAD), agreed(LEAD_TOO)), {"terms": ALL}, [[LEAD, LEAD_TOO], []], ["fay"]),
        # The last step is of those who own the scope whose money it is.
        ((agreed(LEAD), agreed(LEAD_TOO)), {"steps": (STEPS[0], StepSpec(right="approve_budget")),
         "money_at": "acme"}, [[LEAD, LEAD_TOO], []], ["fay"]),
        # Who stands in agrees for somebody else, and both are spent.
        ((agreed(7, instead_of=LEAD),), {}, [[7], []], ["leo"]),
        # Those it was escalated to may agree too.
        ((), {"also": Who(persona="finance")}, [[], []], ["lea", "leo", "zoe", "fay"]),
    ],
    ids=str,
)  # fmt: skip
def test_who_stands_and_who_is_next(
    agreements: tuple[Agreed, ...], more: dict[str, Any], standing: list[list[int]], may: list[str]
) -> None:
    assert state(*agreements, **more) == (standing, may)


def test_who_stands_in_for_somebody_is_next_unless_they_asked() -> None:
    for_lea = Holding(7, "sam@example.com", "engineering", "constrain_demand", "acme/search", LEAD, "lea@example.com")
    for_rob = replace(for_lea, instead_of=REQUESTER, instead_of_email="rob@example.com")
    for_own = replace(for_lea, person=LEAD_TOO, email="leo@example.com")
    for_sleeper = replace(for_lea, person=REQUESTER, email="rob@example.com")
    case = replace(CASE, holdings=(*HOLDINGS, for_lea, for_rob, for_own, for_sleeper))
    assert [each.name for each in next_people(case)] == [
        "lea@example.com", "leo@example.com", "sam@example.com for lea@example.com",
    ]  # fmt: skip


def test_all_but_those_barred_are_members() -> None:
    assert [each.email for each in members(CASE)] == ["lea@example.com", "leo@example.com", "fay@example.com"]


def test_the_nearest_scopes_that_are_enough_are_told() -> None:
    case = replace(CASE, steps=(StepSpec(right="approve_budget"),))
    places = places_of(case)
    found = candidates(case, places, places[0])
    assert [each.email for each in found] == ["zoe@example.com", "fay@example.com"]
    assert ([each.person for each in told(found, 1)], [each.person for each in told(found, 2)]) == ([ZOE], [ZOE, FAY])


def test_the_last_of_the_last_step_moves_the_money() -> None:
    def at_last(*agreements: Agreed) -> bool:
        places = places_of(replace(CASE, agreements=agreements))
        place = next_place(places)
        assert place is not None
        return is_last(places, place)

    assert [at_last(), at_last(agreed(LEAD)), at_last(agreed(LEAD), agreed(LEAD_TOO))] == [False, False, True]


JAN, FEB = date(2027, 1, 1), date(2027, 2, 1)


@pytest.mark.parametrize(
    ("more", "less", "includes", "both"),
    [
        (ALL, LESS, True, LESS),
        (LESS, ALL, False, LESS),
        (ALL, Terms(Decimal(5000), JAN), True, Terms(Decimal(5000), JAN)),
        (Terms(Decimal(1), JAN), Terms(Decimal(1), FEB), False, Terms(Decimal(1), JAN)),
        (Terms(Decimal(1), JAN), Terms(Decimal(1), None), False, Terms(Decimal(1), JAN)),
        (Terms(Decimal(1), None, ("a", "b")), Terms(Decimal(1), None, ("b",)), True, Terms(Decimal(1), None, ("b",))),
        (Terms(Decimal(1), None, ("a",)), Terms(Decimal(1), None), False, Terms(Decimal(1), None, ("a",))),
        (Terms(Decimal(1), None), Terms(Decimal(1), None, ("a",)), True, Terms(Decimal(1), None, ("a",))),
    ],
)
def test_who_agrees_to_more_agrees_to_less(more: Terms, less: Terms, includes: bool, both: Terms) -> None:
    assert (more.include(less), more.narrowed(less)) == (includes, both)


def test_what_was_agreed_so_far_is_what_all_agreed_to() -> None:
    case = replace(CASE, agreements=(agreed(LEAD, terms=LESS), agreed(LEAD_TOO, terms=Terms(Decimal(4000), JAN))))
    assert agreed_so_far(places_of(case), ALL) == Terms(Decimal(3000), JAN)


def test_a_step_is_said_in_words() -> None:
    assert [in_words(step) for step in (*STEPS, Who(persona="finops"))] == [
        "2 of engineering with the right to constrain demand", "the right to approve budgets, at acme", "FinOps",
    ]  # fmt: skip

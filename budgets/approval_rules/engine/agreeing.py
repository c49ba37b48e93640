"""Who has agreed to a request, who is next, and what was agreed so far."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from budgets.approval_rules.documents import StandIn, StepSpec, Who
from governance.scopes.engine import is_at_or_below

# Where an organisation says nothing else.
ONE_WITH_THE_RIGHT = (StepSpec(right="approve_budget"),)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is given: how much, until when (None: without an end), for which models (none named: for all)."""

    amount: Decimal
    until: date | None
    models: tuple[str, ...] = ()

    def include(self, less: "Terms") -> bool:
        """Whether who agrees to these agrees to `less` too: not more, not longer, for no other models."""
        return (
            less.amount <= self.amount
            and (self.until is None or (less.until is not None and less.until <= self.until))
            and (not self.models or (less.models != () and set(less.models) <= set(self.models)))
        )

    def narrowed(self, other: "Terms") -> "Terms":
        """What both agree to."""
        ends = [end for end in (self.until, other.until) if end is not None]
        both = tuple(name for name in self.models if name in other.models)
        models = both if self.models and other.models else self.models or other.models
        return Terms(min(self.amount, other.amount), min(ends, default=None), models)


@dataclass(frozen=True, slots=True)
class Agreed:
    """One person's agreement at the step of this number, counted from 1; `instead_of` had handed their approvals to
    them, and `name` says both. `basis` is the digest of what it was given on: the steps, and the terms of the budget.
    """

    by: int
    step: int
    terms: Terms
    basis: str
    instead_of: int | None = None
    name: str = ""

    @property
    def people(self) -> frozenset[int]:
        """Who is spent by it: neither agrees a second time."""
        return frozenset(each for each in (self.by, self.instead_of) if each is not None)


@dataclass(frozen=True, slots=True)
class Holding:
    """A scope that a person owns. With `instead_of` it is somebody else's, who handed their approvals to them."""

    person: int
    email: str
    persona: str
    right: str
    path: str
    instead_of: int | None = None
    instead_of_email: str = ""

    @property
    def name(self) -> str:
        """The address; for whom they stand in is said too."""
        return f"{self.email} for {self.instead_of_email}" if self.instead_of_email else self.email


def stand_ins(
    holdings: Iterable[Holding], away: Iterable[StandIn], *, organisation: str, scope: str, day: date
) -> tuple[Holding, ...]:
    """What people hold for others on the day, of a request of the scope: what the other owns themselves, no higher than
    it was handed over. Who owns nothing there any more stands in for nobody.
    """
    own, found = tuple(holdings), []
    people = {held.email.lower(): held for held in own}
    for each in away:
        top, deputy = each.scope or organisation, people.get(each.to)
        if deputy is None or not each.holds_on(day) or not is_at_or_below(scope, top):
            continue
        for held in own:
            path = held.path if is_at_or_below(held.path, top) else top
            if held.email.lower() == each.instead_of:
                found.append(Holding(
                    deputy.person, deputy.email, held.persona, held.right, path, held.person, held.email
                ))  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Place:
    """A step with those agreements to it that stand."""

    number: int
    step: StepSpec
    agreed: tuple[Agreed, ...]

    @property
    def is_full(self) -> bool:
        return len(self.agreed) >= self.step.people


@dataclass(frozen=True, slots=True)
class ApprovalCase:
    """A request beside its rule. `barred` may not agree, whatever they own: who asked, answered, or proposed the
    budget. `asks_at` is the scope that asks, and `money_at` the one whose money it is: those of the last step own that
    one. `also` may agree at the step that is open, since those of it have slept.
    """

    version: int
    rule: str
    steps: tuple[StepSpec, ...]
    basis: str
    agreements: tuple[Agreed, ...]
    barred: frozenset[int]
    holdings: tuple[Holding, ...]
    asks_at: str
    money_at: str
    also: Who | None = None

    @property
    def is_by_a_rule(self) -> bool:
        return self.rule != ""


def places_of(case: ApprovalCase, terms: Terms | None = None) -> tuple[Place, ...]:
    """The steps with the agreements that stand, for `terms` if they are given: those to as much or more. What a person
    agreed to last is what counts. After a step that is not full none stands, since who agreed later relied on it.
    """
    latest: dict[int, Agreed] = {}
    for each in case.agreements:
        covers = terms is None or each.terms.include(terms)
        if each.basis == case.basis and not each.people & case.barred and covers:
            latest[each.instead_of or each.by] = each
    places: list[Place] = []
    for number, step in enumerate(case.steps, 1):
        is_reached = all(place.is_full for place in places)
        agreed = tuple(each for each in latest.values() if each.step == number)[: step.people] if is_reached else ()
        places.append(Place(number, step, agreed))
    return tuple(places)


def next_place(places: Sequence[Place]) -> Place | None:
    """The first step that still wants somebody."""
    return next((place for place in places if not place.is_full), None)


def agreed_so_far(places: Iterable[Place], asked: Terms) -> Terms:
    """What all who have agreed would give, of what is asked."""
    terms = asked
    for place in places:
        for each in place.agreed:
            terms = terms.narrowed(each.terms)
    return terms


def is_last(places: Sequence[Place], place: Place) -> bool:
    """Whether one more agreement at the place is all that is wanted."""
    return place.number == len(places) and len(place.agreed) + 1 >= place.step.people


def candidates(case: ApprovalCase, places: Sequence[Place], place: Place) -> tuple[Holding, ...]:
    """Who may agree at the place, the nearest scope's first: each person once, for themselves if they can."""
    spent = frozenset[int]().union(case.barred, *(each.people for one in places for each in one.agreed))
    return tuple(each for each in _of_step(case, place.step, place.number) if not _people_of(each) & spent)


def members(case: ApprovalCase) -> tuple[Holding, ...]:
    """Who may agree at any of the steps, and so may ask and reject."""
    found: dict[int, Holding] = {}
    for number, step in enumerate(case.steps, 1):
        for each in _of_step(case, step, number):
            if not _people_of(each) & case.barred:
                found.setdefault(each.person, each)
    return tuple(found.values())


def told(found: Sequence[Holding], wanted: int) -> tuple[Holding, ...]:
    """Those of the nearest scopes that together are as many as are wanted, rather than everybody up to the top."""
    near: list[Holding] = []
    for path in dict.fromkeys(each.path for each in found):
        if len(near) >= wanted:
            break
        near += [each for each in found if each.path == path]
    return tuple(near)


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step as people read it; `may_agree` are the names of those who may now, where it is next."""

    number: int
    who: str
    people: int
    agreed: tuple[str, ...]
    is_next: bool
    may_agree: tuple[str, ...]


def steps_shown(case: ApprovalCase) -> tuple[StepShown, ...]:
    """Each step with who has agreed, and who may at the one that is next."""
    places = places_of(case)
    place = next_place(places)
    may = candidates(case, places, place) if place is not None else ()
    return tuple(
        StepShown(
            one.number, in_words(one.step), one.step.people, tuple(each.name for each in one.agreed), one is place,
            tuple(each.name for each in may) if one is place else (),
        )
        for one in places
    )  # fmt: skip


def next_people(case: ApprovalCase) -> tuple[Holding, ...]:
    """Those to be told that they are next: of the step the nearest, and all of those it was escalated to."""
    places = places_of(case)
    place = next_place(places)
    if place is None:
        return ()
    own = candidates(replace(case, also=None), places, place)
    near = told(own, place.step.people - len(place.agreed))
    return (*near, *(each for each in candidates(case, places, place) if each not in own))


def next_addresses(case: ApprovalCase) -> tuple[str, ...]:
    """Their addresses, sorted."""
    return tuple(sorted({each.email for each in next_people(case)}))


def _people_of(holding: Holding) -> frozenset[int]:
    return frozenset(each for each in (holding.person, holding.instead_of) if each is not None)


def _of_step(case: ApprovalCase, step: StepSpec, number: int) -> list[Holding]:
    base = case.money_at if number == len(case.steps) else case.asks_at
    fitting = [
        each
        for who in (step, case.also)
        if who is not None
        for each in sorted(case.holdings, key=lambda held: (-held.path.count("/"), held.instead_of or 0, held.email))
        if _fits(who, each, base)
    ]
    by_person: dict[int, Holding] = {}
    for each in fitting:
        if each.person not in by_person or (by_person[each.person].instead_of and not each.instead_of):
            by_person[each.person] = each
    return list(by_person.values())


def _fits(who: Who, holding: Holding, base: str) -> bool:
    top = who.at if who.at is not None and is_at_or_below(base, who.at) else base
    return (
        is_at_or_below(top, holding.path)
        and (who.persona is None or who.persona == holding.persona)
        and (who.right is None or who.right == holding.right)
    )


PERSONAS: Mapping[str, str] = {"finops": "FinOps"}
RIGHTS: Mapping[str, str] = {
    "approve_budget": "the right to approve budgets",
    "set_unit_cost": "the right to set unit costs",
    "constrain_demand": "the right to constrain demand",
    "acknowledge": "the right to acknowledge alerts",
}


def in_words(step: Who) -> str:
    """`finance with the right to approve budgets, at acme`; `2 of engineering`."""
    persona = PERSONAS.get(step.persona, step.persona) if step.persona is not None else ""
    right = RIGHTS[step.right] if step.right is not None else ""
    who = f"{persona} with {right}" if persona and right else persona or right
    where = f", at {step.at}" if step.at is not None else ""
    people = step.people if isinstance(step, StepSpec) else 1
    return f"{people} of {who}{where}" if people > 1 else f"{who}{where}"

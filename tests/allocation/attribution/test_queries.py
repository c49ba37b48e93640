from datetime import date

import pytest

from allocation.attribution.queries import matcher_of, organisation_seen, proposed_set, rule_sets_in_force
from governance.errors import NotFound
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.admin_people import person
from tests.allocation.attribution_rules import RULES, apply_rules, rules
from tests.allocation.conftest import SYSTEM, event, make_organisation

DAY = date(2026, 11, 24)


def ids() -> dict[str, int]:
    return dict(Scope.objects.values_list("path", "pk"))


def test_the_current_sets_stand_by_organisation_and_name(acme: Scope) -> None:
    globex = make_organisation("globex")
    apply_rules()
    apply_rules(RULES.replace("name: acme", "name: b"))
    apply_rules(RULES.replace("acme", "globex"))
    apply_rules(RULES.replace("team: never", "team: nobody"))
    found = rule_sets_in_force()
    assert {root: sorted(sets) for root, sets in found.items()} == {acme.pk: ["acme", "b"], globex.pk: ["globex"]}
    assert [rule.name for rule in found[acme.pk]["acme"].rules] == ["acme:batch", "acme:search", "acme:never"]
    assert found[acme.pk]["acme"].rules[2].when == (("team", "nobody"),)
    assert rule_sets_in_force(globex.pk) == {globex.pk: found[globex.pk]}
    assert rule_sets_in_force(0) == {}


def test_a_proposed_set_is_tried_like_one_that_is_applied(acme: Scope) -> None:
    proposed = proposed_set(rules(), ids())
    apply_rules()
    [applied] = rule_sets_in_force(acme.pk)[acme.pk].values()
    assert proposed.keys == applied.keys
    assert [(rule.name, rule.when, rule.scope_id) for rule in proposed.rules] == [
        (rule.name, rule.when, rule.scope_id) for rule in applied.rules
    ]


def test_keys_of_every_set_come_before_rules_of_any_and_sets_in_the_order_of_their_names(acme: Scope) -> None:
    apply_rules(RULES.replace("name: acme", "name: b"))
    apply_rules(RULES.replace("name: acme", "name: a").replace("ranker-7", "other"))
    matcher = matcher_of(rule_sets_in_force(acme.pk)[acme.pk])

    def place(**attributes: str) -> str | None:
        found = matcher.first_match(event(scope=None, attributes=attributes), DAY)
        return None if found is None else found.name

    assert place(team="search", key_alias="ranker-7") == "b:key_alias ranker-7"
    assert place(team="search") == "a:search"
    assert place(team="ads") is None
    assert matcher_of({}).first_match(event(scope=None, attributes={"team": "search"}), DAY) is None


def test_an_organisation_is_seen_by_who_sees_all_of_it(acme: Scope, search: Scope) -> None:
    assert organisation_seen("acme", SYSTEM).id == acme.pk
    part = Actor.of_user(person("ada@example.com", "finops", search))
    for path, actor in (("globex", SYSTEM), ("acme/search", SYSTEM), ("acme", part), ("acme/search", part)):
        with pytest.raises(NotFound, match=f"no organisation {path} among those you may see"):
            organisation_seen(path, actor)

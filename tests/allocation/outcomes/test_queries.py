from allocation.outcomes.queries import outcomes
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.admin_people import person
from tests.allocation.outcomes.reported import record, typed


def test_outcomes_are_those_somebody_may_see_at_or_below_the_scope(acme: Scope, search: Scope) -> None:
    record(acme, typed(id="1", scope="acme/search"), typed(id="2", scope="acme/search/ranker"),
           typed(id="3", scope="acme/ads"))  # fmt: skip

    def found(actor: Actor, scope_id: int | None = None) -> list[str]:
        return sorted(outcomes(actor=actor, scope_id=scope_id).values_list("event_id", flat=True))

    system, ada = Actor.system(), Actor.of_user(person("ada@example.com", "engineering", search))
    assert found(system) == found(system, acme.pk) == ["1", "2", "3"]
    assert found(system, search.pk) == found(ada) == ["1", "2"]
    assert found(Actor(label="nobody")) == []

import pytest

from governance.errors import NotFound
from governance.messages.models import Channel
from governance.messages.queries import Destination, destinations
from governance.scopes.models import Scope
from tests.governance.conftest import Person


def test_owner_leads_to_the_nearest_owners_one_destination_each(
    acme: Scope, search: Scope, ranker: Scope, person: Person
) -> None:
    person("fay@example.com", acme, "finance")
    person("ada@example.com", search)
    person("bob@example.com", search)
    person("gone@example.com", ranker, is_active=False)
    assert [destination.to for destination in destinations("owner", ranker.pk)] == [
        "ada@example.com", "bob@example.com",
    ]  # fmt: skip
    assert [destination.to for destination in destinations("owner", acme.pk)] == ["fay@example.com"]


def test_the_nearest_channel_of_that_name_answers_and_never_another_organisations(
    acme: Scope, search: Scope, ranker: Scope, globex: Scope
) -> None:
    far, near = (
        Channel.objects.create(scope=scope, kind="slack", name="finops", sealed_secrets=b"x")
        for scope in (acme, search)
    )
    assert destinations("slack:finops", ranker.pk) == (Destination(near),)
    assert destinations("slack:finops", acme.pk) == (Destination(far),)
    for address in ("slack:finops", "owner", "pager:finops", "slack", ""):
        with pytest.raises(NotFound):
            destinations(address, globex.pk)

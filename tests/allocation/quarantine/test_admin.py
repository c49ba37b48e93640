import pytest
from django.utils import timezone

from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_scope
from governance.people.models import Ownership
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.admin_people import person, signed_in
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation


def refused_of(root: Scope) -> QuarantinedUsage:
    at = timezone.now()
    record_usage(events=[event(scope=f"{root.path}/new", occurred_at=at)], key_scope_id=root.pk, at=at)
    create_scope(slug="new", kind="team", parent=root, actor=SYSTEM, at=AT)
    return QuarantinedUsage.objects.get(authority=root)


@pytest.mark.parametrize(
    ("persona", "replayed"), [("engineering", False), ("finance", False), ("platform", False), ("finops", True)]
)
def test_finops_replays_and_the_record_says_who(acme: Scope, persona: str, replayed: bool) -> None:
    row = refused_of(acme)
    client = signed_in(person("ada@example.com", persona, acme))
    client.post("/admin/allocation/quarantinedusage/", {"action": "replay", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert (row.replayed_at is not None) is replayed
    said = DecisionRecord.objects.filter(action="usage.replay").values_list("actor", "scope_path", "evidence")
    assert list(said) == ([("ada@example.com", "acme", {"records": [row.pk]})] if replayed else [])


def test_finops_of_one_organisation_replays_nothing_in_another_they_look_on(acme: Scope) -> None:
    globex = make_organisation("globex")
    rows = [refused_of(acme), refused_of(globex)]
    ada = person("ada@example.com", "finops", acme)
    Ownership.objects.create(scope=globex, user=ada, persona="engineering")
    selected = {"action": "replay", "_selected_action": [row.pk for row in rows]}
    signed_in(ada).post("/admin/allocation/quarantinedusage/", selected)
    assert [QuarantinedUsage.objects.get(pk=row.pk).replayed_at is not None for row in rows] == [True, False]


def test_what_an_operator_brought_in_is_replayed_by_an_operator(acme: Scope) -> None:
    """It has no organisation, and could go to any."""
    record_usage(events=[event(scope="acme/new")], key_scope_id=None, at=AT)
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    ada = Actor.of_user(person("ada@example.com", "finops", acme))
    assert replay_quarantined(actor=ada, at=AT).accepted == 0
    assert replay_quarantined(actor=SYSTEM, at=AT).accepted == 1

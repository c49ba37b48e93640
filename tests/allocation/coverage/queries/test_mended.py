from datetime import timedelta
from typing import Any

from django.utils import timezone

from allocation.coverage.queries import mended_fields
from allocation.coverage.queries.mended import MendedField
from allocation.usage.operations import record_usage
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.admin_people import person, signed_in
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation


def test_mended_records_are_counted_by_sender_and_field(acme: Scope, django_assert_num_queries: Any) -> None:
    many = {f"a{number}": "" for number in range(40)}
    events = [
        event(), event(mended=["latency_ms"]), event(mended=["latency_ms", "session_id"]),
        event(source="proxy", attributes=many, mended=["attributes"]),
    ]  # fmt: skip
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    since, until = AT - timedelta(days=1), AT + timedelta(days=1)
    with django_assert_num_queries(1):
        fields = mended_fields(actor=SYSTEM, since=since, until=until)
    assert fields == [
        MendedField("gateway", "latency_ms", 2), MendedField("gateway", "session_id", 1),
        MendedField("proxy", "attributes", 1),
    ]  # fmt: skip
    elsewhere = Actor.of_user(person("eve@example.com", "finops", make_organisation("globex")))
    assert mended_fields(actor=elsewhere, since=since, until=until) == []
    assert mended_fields(actor=SYSTEM, since=until, until=until + timedelta(days=1)) == []


def test_the_page_on_data_gaps_says_what_was_mended(acme: Scope) -> None:
    now = timezone.now()
    record_usage(events=[event(occurred_at=now, mended=["session_id"])], key_scope_id=acme.pk, at=now)
    page = signed_in(person("flo@example.com", "finops", acme)).get("/admin/policies/datagap/").content.decode()
    assert "Mended." in page
    assert "session_id</td>" in page

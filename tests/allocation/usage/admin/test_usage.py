from datetime import timedelta

from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.people.models import User
from governance.scopes.models import Scope
from tests.allocation.admin_people import signed_in
from tests.allocation.conftest import AT, event


def test_an_event_that_came_with_two_times_has_a_page(acme: Scope) -> None:
    for minutes in (0, 1):
        record_usage(
            events=[event(id="same", occurred_at=AT - timedelta(minutes=minutes))], key_scope_id=acme.pk, at=AT
        )
    (identity,) = set(UsageRecord.objects.values_list("pk", flat=True))
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    assert root.get(f"/admin/allocation/usagerecord/{identity}/change/").status_code == 200
    assert root.get("/admin/allocation/usagerecord/nonsense/change/").status_code == 302

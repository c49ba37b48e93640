"""Each way of reading a table leaves the snapshot as the table is."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey
from governance.scopes.models import Scope
from policies.decisions.engine.snapshot import Snapshot
from policies.decisions.queries.tables import KEYS, read_by_id, read_marks, read_since, read_whole
from tests.policies.conftest import AT, SYSTEM
from tests.policies.decisions.operations.test_following import conninfo

pytestmark = pytest.mark.django_db(transaction=True)
Read = Callable[[psycopg.Connection[Any], Snapshot, str, list[int]], None]


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda own, snapshot, _since, _ids: read_whole(own, KEYS, snapshot), id="whole"),
        pytest.param(lambda own, snapshot, _since, ids: read_by_id(own, KEYS, snapshot, ids), id="by id"),
        pytest.param(lambda own, snapshot, since, _ids: read_since(own, KEYS, snapshot, since), id="since"),
    ],
)
def test_what_is_new_changed_and_gone_is_known(read: Read, acme: Scope) -> None:
    made = [create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=AT)[0] for _ in range(3)]
    snapshot = Snapshot()
    with psycopg.connect(conninfo(), autocommit=True) as own:
        read_whole(own, KEYS, snapshot)
        since = read_marks(own, snapshot).oldest_open
        ApiKey.objects.filter(pk=made[0].pk).update(revoked_at=AT)
        ApiKey.objects.filter(pk=made[1].pk).delete()
        new = create_api_key(scope=acme, permissions=["usage:write"], actor=SYSTEM, at=AT)[0]
        read(own, snapshot, since, [made[0].pk, made[1].pk, new.pk])
    assert {key.id: (key.revoked_at, key.may_ask) for key in snapshot.by_prefix.values()} == {
        made[0].pk: (AT, True), made[2].pk: (None, True), new.pk: (None, False),
    }  # fmt: skip
    assert set(snapshot.keys) == set(ApiKey.objects.values_list("id", flat=True))

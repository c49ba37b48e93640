from datetime import timedelta

from allocation.usage.models import IngestWatermark
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event, make_organisation

MINUTE = timedelta(minutes=1)


def marks() -> dict[str, object]:
    return dict(IngestWatermark.objects.values_list("scope__path", "last_received_at"))


def test_each_organisations_feed_has_its_own_mark_and_repeats_count(acme: Scope) -> None:
    globex = make_organisation("globex")
    assert marks() == {}
    same = event()
    record_usage(events=[same, event()], key_scope_id=acme.pk, at=AT)
    record_usage(events=[event(scope="globex")], key_scope_id=globex.pk, at=AT + MINUTE)
    assert marks() == {"acme": AT, "globex": AT + MINUTE}
    assert record_usage(events=[same], key_scope_id=acme.pk, at=AT + 2 * MINUTE).duplicate == 1
    assert marks() == {"acme": AT + 2 * MINUTE, "globex": AT + MINUTE}


def test_a_mark_never_goes_back_and_a_refused_record_sets_none(acme: Scope) -> None:
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT - MINUTE)
    assert record_usage(events=[event(scope="acme/none")], key_scope_id=acme.pk, at=AT + MINUTE).accepted == 0
    assert marks() == {"acme": AT}

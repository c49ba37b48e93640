from datetime import timedelta

from allocation.outcomes.models import OutcomeDay
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_early_outcomes, replay_quarantined
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.outcomes.reported import record, typed


def test_replay_counts_what_has_become_possible_and_keeps_identity(acme: Scope) -> None:
    early = event(id="early", scope="acme/new")
    refused = [early, event(id="hopeless", scope="acme/never")]
    record_usage(events=refused, key_scope_id=acme.pk, at=AT)
    dry = replay_quarantined(actor=SYSTEM, at=AT, dry_run=True)
    assert (dry.accepted, dry.remaining) == (0, {"scope_unknown": 2})
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    assert replay_quarantined(actor=SYSTEM, at=AT, dry_run=True).accepted == 1
    assert UsageRecord.objects.count() == 0
    done = replay_quarantined(actor=SYSTEM, at=AT, code="scope_unknown")
    assert (done.accepted, done.duplicate, done.remaining) == (1, 0, {"scope_unknown": 1})
    assert record_usage(events=[early], key_scope_id=acme.pk, at=AT).duplicate == 1
    assert replay_quarantined(actor=SYSTEM, at=AT).accepted == 0
    assert QuarantinedUsage.objects.waiting().count() == 1


def test_an_outcome_that_came_early_is_tried_again_by_itself_for_three_days(acme: Scope) -> None:
    record(acme, typed(scope=None, task_ids=["t1"]), typed(scope=None, task_ids=["t2"]), typed(scope="acme/nowhere"))
    assert replay_early_outcomes(at=AT).remaining == {"task_unknown": 2}
    record_usage(events=[event(task_id="t1")], key_scope_id=acme.pk, at=AT)
    later = replay_early_outcomes(at=AT + timedelta(minutes=5))
    assert (later.accepted, later.remaining) == (1, {"task_unknown": 1})
    assert OutcomeDay.objects.get().count == 1
    record_usage(events=[event(task_id="t2")], key_scope_id=acme.pk, at=AT)
    assert replay_early_outcomes(at=AT + timedelta(days=4)).accepted == 0

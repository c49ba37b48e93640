"""What waits for a fold: who folds it, when tasks and charge lines gain it, and what a batch sees of it."""

from datetime import timedelta

from django.utils import timezone

from allocation.usage.models import UsageJournal
from allocation.usage.operations import FOLD_HEARTBEAT, behind_s, charges_are_due, roll_up_waiting
from allocation.usage.queries import waiting_for_fold
from allocation.usage.tasks import fold_usage
from governance.scopes.models import Scope
from governance.work.operations import beat
from tests.allocation.conftest import AT
from tests.allocation.usage.operations.test_folding import SECOND, calls, post


def test_tasks_and_charges_wait_for_much_for_quiet_or_not_long(acme: Scope, search: Scope) -> None:
    assert charges_are_due(at=AT) is None
    post(acme, *calls(0, 2))
    assert charges_are_due(at=AT) is None, "first the roll-ups"
    roll_up_waiting(at=AT)
    assert charges_are_due(at=AT + SECOND / 2) is False
    assert charges_are_due(at=AT + SECOND) is True, "no more comes"
    UsageJournal.objects.update(rolled_up_at=AT + 10 * SECOND)
    assert charges_are_due(at=AT + 9.9 * SECOND) is False
    assert charges_are_due(at=AT + 10 * SECOND) is True, "it has waited long"
    UsageJournal.objects.update(rolled_up_at=AT, calls=100_000)
    assert charges_are_due(at=AT) is True, "it is much"


def test_a_large_batch_sees_how_far_roll_ups_are_behind(acme: Scope, search: Scope) -> None:
    now = timezone.now()
    post(acme, *calls(0, 2), at=now - 3 * SECOND)
    assert behind_s() == 0, "one call asks nothing"
    post(acme, *calls(2, 102), at=now)
    assert 3 <= behind_s() < 10
    roll_up_waiting(at=now)
    post(acme, *calls(102, 202), at=now)
    assert behind_s() == 0


def test_a_worker_folds_only_while_no_program_shows_that_it_does(acme: Scope, search: Scope) -> None:
    post(acme, *calls(0, 3))
    beat(FOLD_HEARTBEAT, at=timezone.now())
    fold_usage()
    assert waiting_for_fold().calls == 3
    beat(FOLD_HEARTBEAT, at=timezone.now() - timedelta(seconds=11))
    fold_usage()
    assert waiting_for_fold().calls == 0

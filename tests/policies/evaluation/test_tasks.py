from datetime import timedelta

import pytest
from django.utils import timezone

from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from governance.work.operations import mark_scopes_dirty
from policies.evaluation.tasks import evaluate_dirty_scopes


@pytest.mark.parametrize(("age_s", "can_wait", "left"), [(0, True, 1), (0, False, 0), (60, True, 0)])
def test_a_worker_leaves_what_can_wait_to_the_program_that_evaluates(
    acme: Scope, age_s: int, can_wait: bool, left: int
) -> None:
    mark_scopes_dirty(scope_ids=[acme.pk], at=timezone.now() - timedelta(seconds=age_s), can_wait=can_wait)
    evaluate_dirty_scopes()
    assert DirtyScope.objects.count() == left

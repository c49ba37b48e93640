from datetime import timedelta

import pytest
from django.db import transaction

from governance.errors import DomainError
from governance.work.models import IdempotencyRecord
from governance.work.operations import begin_command, fingerprint, forget_old_commands
from tests.governance.conftest import AT, at_once


@pytest.mark.django_db(transaction=True)
def test_a_command_still_running_is_a_conflict_and_not_a_second_effect() -> None:
    with transaction.atomic():
        assert begin_command(caller="key:1", key="k", fingerprint="f") is None

        def repeat(_: int) -> str:
            with pytest.raises(DomainError) as refused, transaction.atomic():
                begin_command(caller="key:1", key="k", fingerprint="f")
            return refused.value.code

        assert at_once(repeat, 2) == ["idempotency_in_progress"] * 2


def test_old_answers_are_forgotten(db: None) -> None:
    for hours in (47, 49):
        IdempotencyRecord.objects.create(
            caller="c", key=str(hours), fingerprint=fingerprint("x"), status=200, created_at=AT - timedelta(hours=hours)
        )
    assert forget_old_commands(at=AT) == 1

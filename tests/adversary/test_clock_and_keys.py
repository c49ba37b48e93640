"""A clock that is set back, a node with other keys, a migration that would go back over data."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery import Celery
from celery.beat import ScheduleEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from config import backwards
from config.beat import SteadyScheduler
from governance.messages import tasks
from governance.messages.models import Channel, Delivery, SealingKey
from governance.messages.operations import (
    OtherSealingKey,
    claim_sealing_key,
    holds_sealing_key,
    queue_delivery,
)
from governance.people.models import User
from governance.scopes.models import Scope
from policies.evaluation.models import EvaluationRun
from tests.governance.conftest import message
from tests.policies.conftest import AT

pytestmark = pytest.mark.adversary("clock and keys")
BACKEND = "django.contrib.auth.backends.ModelBackend"
KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(3)]


# --- the clock ------------------------------------------------------------------------------------------------------


def test_beat_goes_on_at_once_when_the_clock_is_set_back(tmp_path: Path) -> None:
    ran: list[str] = []

    class Scheduler(SteadyScheduler):
        producer = None  # no broker is asked

        def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
            ran.append(entry.name)

    app = Celery("clock", set_as_current=False)
    app.conf.update(beat_schedule={"often": {"task": "often", "schedule": 2.0}}, timezone="UTC")
    with time_machine.travel(AT, tick=False) as clock:
        scheduler = Scheduler(app=app, schedule_filename=str(tmp_path / "schedule"))
        for _ in range(3):
            clock.shift(2.0)
            scheduler.tick()
        before = len(ran)
        clock.shift(timedelta(hours=-1))
        waits = []
        for _ in range(4):
            waits.append(scheduler.tick())
            clock.shift(1.0)
        scheduler.close()
    assert before >= 2
    assert len(ran) >= before + 1
    assert max(waits) <= 2.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("back_s", "is_ok", "words"),
    [(0, True, "stands after"), (10, True, "was set back"), (3600, False, "was set back: it stands 36")],
)
def test_readiness_and_the_doctor_tell_of_a_clock_that_was_set_back(
    client: Client, back_s: int, is_ok: bool, words: str
) -> None:
    EvaluationRun.objects.create(cause="sweep", started_at=timezone.now() + timedelta(seconds=back_s))
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"), BACKEND)
    check = client.get("/readyz").json()["checks"]["clock"]
    assert (check["ok"], words in check["detail"]) == (is_ok, True), check


# --- the key that seals ---------------------------------------------------------------------------------------------


@pytest.fixture
def dead_or_waiting(acme: Scope) -> Delivery:
    channel = Channel.objects.create(scope=acme, kind="slack", name="ops", sealed_secrets=b"\x01of another node")
    delivery = queue_delivery(channel=channel, dedup_key="one", message=message(), at=timezone.now())
    assert delivery is not None
    return delivery


def test_a_node_with_other_keys_does_not_start_and_buries_nothing(
    dead_or_waiting: Delivery, settings: Any, client: Client
) -> None:
    settings.WEIR_SECRET_KEYS = KEYS[:1]
    claim_sealing_key(at=AT)
    settings.WEIR_SECRET_KEYS = KEYS[1:]
    with pytest.raises(OtherSealingKey):
        claim_sealing_key(at=AT)
    assert "secrets" in client.get("/readyz").json()["failing"]
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"), BACKEND)
    assert client.get("/readyz").json()["checks"]["secrets"] == {
        "ok": False, "detail": "are sealed with a key that is not known here",
    }  # fmt: skip
    tasks.send_due_deliveries()
    dead_or_waiting.refresh_from_db()
    assert (dead_or_waiting.status, dead_or_waiting.attempts_count) == ("pending", 0)


@pytest.mark.django_db
def test_a_new_key_takes_the_place_of_one_that_is_known(settings: Any) -> None:
    settings.WEIR_SECRET_KEYS = KEYS[:1]
    claim_sealing_key(at=AT)
    first = SealingKey.objects.get().digest
    settings.WEIR_SECRET_KEYS = [KEYS[1], KEYS[0]]
    claim_sealing_key(at=AT)
    assert SealingKey.objects.get().digest != first
    settings.WEIR_SECRET_KEYS = KEYS[:1]
    assert not holds_sealing_key()
    assert KEYS[0] not in SealingKey.objects.get().digest


# --- migrations -----------------------------------------------------------------------------------------


def plan_back_to(app: str, name: str | None) -> Any:
    return MigrationExecutor(connection).migration_plan([(app, name)])


@pytest.mark.parametrize(
    ("app", "name", "held"),
    [("governance", None, "governance_scope"), ("governance", "0008_channels_one_at_a_time", None)],
)
def test_going_back_over_data_is_refused(acme: Scope, app: str, name: str | None, held: str | None) -> None:
    plan = plan_back_to(app, name)
    assert plan
    if held is None:
        backwards.refuse_to_empty(plan)  # the key was never claimed: nothing is lost
        SealingKey.objects.create(digest="0" * 64, since=AT)
        held = "governance_sealingkey"
    with pytest.raises(CommandError, match=rf"would empty .*\b{held}\b.*Nothing was changed"):
        backwards.refuse_to_empty(plan)


def test_a_column_holds_something_once_a_row_has_another_value_than_going_forward_gives(acme: Scope) -> None:
    plan = plan_back_to("governance", "0009_sealing_key")
    backwards.refuse_to_empty(plan)
    assert Channel.objects.update(endpoint="0" * 64) > 0
    with pytest.raises(CommandError, match=r"would empty governance_channel\.endpoint\. Nothing was changed"):
        backwards.refuse_to_empty(plan)


def test_the_command_refuses_before_it_changes_anything(acme: Scope) -> None:
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("migrate", "governance", "zero", interactive=False, verbosity=0)
    assert Scope.objects.count() == 2

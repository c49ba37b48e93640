import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from allocation.usage.importers.incoming import Incoming
from allocation.usage.models import UsageJournal
from allocation.usage.operations import maintain_partitions, record_usage
from config import broker, doctor
from config.folders import DataFolder
from config.installation import ensure_secrets
from governance.messages.models import SealingKey
from governance.messages.operations import OTHER_KEY
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope, ScopeKind
from governance.work.models import DirtyScope, Heartbeat
from policies.evaluation.models import EvaluationRun
from tests.database_owner import as_owner

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def wrong(at: datetime = AT) -> list[str]:
    return [finding.sentence for finding in doctor.examine(at) if not finding.is_fine]


@pytest.fixture
def well(db: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation where everything is as it should be."""
    folder.mkdir(mode=0o700)
    ensure_secrets(DataFolder(folder))
    monkeypatch.setattr(settings, "DATA_FOLDER", DataFolder(folder))
    monkeypatch.setattr(settings, "DATABASE_IS_EMBEDDED", False)
    monkeypatch.setattr(settings, "BROKER_IS_POSTGRES", False)
    monkeypatch.setattr(broker, "check", lambda: None)
    maintain_partitions(at=AT)
    Heartbeat.objects.create(name="beat", beat_at=AT)


@pytest.mark.usefixtures("well")
def test_nothing_is_wrong_with_a_good_installation() -> None:
    assert wrong() == []


@pytest.mark.usefixtures("well")
def test_a_beat_that_stopped_is_told() -> None:
    assert wrong(AT + timedelta(minutes=5)) == [
        "Beat's last tick is 5 minutes old: beat, or every worker of the queue `beat`, is gone."
    ]


@pytest.mark.usefixtures("well")
def test_a_node_with_other_keys_is_told() -> None:
    SealingKey.objects.create(digest="0" * 64, since=AT)
    assert wrong() == [OTHER_KEY]


@pytest.mark.usefixtures("well")
def test_an_application_that_nothing_append_only_binds_is_told() -> None:
    with as_owner():
        (told,) = wrong()
    assert told.startswith("The application is PostgreSQL's superuser")


@pytest.mark.usefixtures("well")
def test_a_clock_that_was_set_back_is_told() -> None:
    EvaluationRun.objects.create(cause="sweep", started_at=AT + timedelta(hours=3))
    assert wrong() == [
        "The clock was set back: it stands 3 hours before what was written last; what is due by it comes later."
    ]


@pytest.mark.usefixtures("well")
def test_money_in_quarantine_is_told() -> None:
    acme = create_scope(slug="acme", kind=ScopeKind.ORGANISATION, actor=Actor.system(), at=AT)
    DirtyScope.objects.all().delete()
    incoming = Incoming()
    incoming.take_data(0, {"id": "", "source": "gateway", "provider": "openai", "model": "gpt-4o", "cost": "310.2"})
    record_usage(events=[], refused=incoming.refused, key_scope_id=acme.pk, at=AT)

    assert wrong() == []
    (told,) = [finding.sentence for finding in doctor.examine(AT) if finding.word == "note"]
    Heartbeat.objects.update(beat_at=AT + timedelta(days=2))
    assert wrong(AT + timedelta(days=2)) == [told]
    waiting, _, remedy = told.rpartition(": ")
    assert waiting == (
        "310.20 USD not counted yet: 1 record waits in quarantine, the oldest since 24 November 2026 12:00 UTC"
    )
    assert remedy == "correct it on the page Quarantined usage, or mend the cause and `weir usage replay`."


@pytest.mark.usefixtures("well")
def test_usage_that_waits_is_told() -> None:
    scope = create_scope(
        slug="acme", kind=ScopeKind.ORGANISATION, parent=None, name="Acme", actor=Actor.system(), at=AT
    )
    DirtyScope.objects.all().delete()
    DirtyScope.objects.create(scope=Scope.objects.get(pk=scope.pk), dirty_since=AT - timedelta(minutes=3))

    assert wrong() == ["Usage has waited 3 minutes to be evaluated."]


@pytest.mark.usefixtures("well")
def test_a_month_without_a_table_is_told() -> None:
    year_later = AT.replace(year=2027)
    Heartbeat.objects.update(beat_at=year_later)

    assert wrong(year_later) == [
        "There is no table for the usage of 2027-11 and 2027-12: allocation.maintain_partitions has not run."
    ]


@pytest.mark.usefixtures("well")
def test_a_broker_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ConnectionRefusedError("Connection refused")

    monkeypatch.setattr(broker, "check", refuse)

    assert wrong() == ["The broker does not answer: Connection refused."]


@pytest.mark.usefixtures("well")
def test_secrets_that_others_may_read_are_told() -> None:
    secrets: Path = settings.DATA_FOLDER.secrets
    secrets.chmod(0o644)

    assert wrong() == [f"Others may read {secrets} (mode 644): chmod go-rw {secrets}"]


@pytest.mark.usefixtures("well")
def test_missing_keys_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SECRET_KEY_IS_MADE_UP", True)
    monkeypatch.setattr(settings, "WEIR_SECRET_KEYS", [])

    assert wrong() == [
        "There is no secret key: set WEIR_SECRET_KEY, or start once with `weir up`.",
        "There is no key for channel secrets: set WEIR_SECRET_KEYS, or start once with `weir up`.",
    ]


def weir(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.long
def test_without_anything_the_command_says_what_to_do_first(folder: Path, environment: dict[str, str]) -> None:
    ran = weir(environment, "doctor")

    assert ran.returncode == 1
    assert f"WRONG  There is no data folder {folder}: `weir up` makes it, --data-dir names another." in ran.stdout


@pytest.mark.long
def test_a_command_without_its_database_says_so_in_a_sentence(folder: Path, environment: dict[str, str]) -> None:
    ran = weir(environment, "keys", "list", "--data-dir", str(folder))

    assert ran.returncode == 1
    assert ran.stderr.startswith(f"The database of {folder} is not running. Start it with `weir up`")


@pytest.mark.long
def test_without_a_mail_server_it_says_where_mail_goes(folder: Path, environment: dict[str, str]) -> None:
    ran = weir(environment, "doctor")

    assert f"Mail is written to {folder}/mail, not sent: set WEIR_EMAIL_HOST to send it." in ran.stdout


def test_a_server_of_ones_own_without_a_mail_server_is_wrong(well: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAIL_IS_WRITTEN", False)
    monkeypatch.setattr(settings, "EMAIL_HOST", "")

    assert wrong() == ["WEIR_EMAIL_HOST names no SMTP server: no mail can be sent."]


def test_secrets_are_made_once_and_closed(folder: Path) -> None:
    folder.mkdir()
    data = DataFolder(folder)

    assert (ensure_secrets(data), ensure_secrets(data)) == (True, False)
    assert data.secrets.stat().st_mode & 0o777 == 0o600
    assert sorted(json.loads(data.secrets.read_text())) == ["secret_key", "secret_keys"]


@pytest.mark.usefixtures("well")
def test_usage_that_is_in_no_sum_is_told() -> None:
    UsageJournal.objects.create(received_at=AT - timedelta(seconds=61), calls=3, counted=b"[]")
    UsageJournal.objects.create(received_at=AT, calls=1, counted=b"[]", failed_at=AT, error="ValueError: of a test")

    waiting, set_aside = wrong()

    assert waiting.startswith("3 calls, charged and in no roll-up, have waited ")
    assert set_aside.startswith("1 calls were charged and are in no roll-up, since they could not be folded")

"""Checks of an installation: each examines one part and says in a sentence what is wrong and what to do."""

import os
import shutil
import stat
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from allocation.anomalies.queries import DETECTION_HEARTBEAT
from allocation.meters.engine.months import Month
from allocation.quarantine.models import QuarantinedUsage
from allocation.quarantine.queries import waiting_in_quarantine
from allocation.usage.operations import existing_partitions
from allocation.usage.queries import waiting_for_fold
from config import apart, broker, roles
from config.embedded import EmbeddedPostgres
from config.findings import Finding, Findings
from config.folders import DataFolder
from config.front.parsers import IS_INSTALLED
from governance.calendar.engine import day_of
from governance.messages.models import Channel, Delivery, DeliveryStatus
from governance.messages.operations import OTHER_KEY, channel_secrets, holds_sealing_key
from governance.work.models import DirtyScope, Heartbeat
from policies.evaluation.queries import set_back_by

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 15
LATE = timedelta(seconds=60)
# Two runs a quarter of a day apart, and an hour.
DETECTION_LATE = timedelta(hours=13)
QUARANTINE_LATE = timedelta(days=1)
DELIVERY_LATE = timedelta(minutes=5)
LEAST_FREE_BYTES = 1_000_000_000


def examine(at: datetime) -> Findings:
    """Run every check at ``at``; those that need the database only when it answers."""
    folder: DataFolder = settings.DATA_FOLDER
    yield from _python()
    yield from _front()
    yield from _data_folder(folder)
    yield from _disk(folder)
    yield from _secrets()
    yield from _broker()
    yield from _mail()
    database = list(_database(folder))
    yield from database
    if not all(finding.is_fine for finding in database):
        return
    checks: tuple[Callable[[datetime], Findings], ...] = (
        lambda _at: roles.examine(),
        _clock,
        _fold,
        _waiting,
        _partitions,
        _quarantine,
        _deliveries,
        _channels,
        _anomalies,
        _apart,
    )
    for check in checks:
        try:
            yield from check(at)
        except DatabaseError as problem:
            yield Finding(is_fine=False, sentence=f"The database refused a query: {_first_line(problem)}.")


def _python() -> Findings:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield Finding(is_fine=False, sentence=f"Python is {version}; Weir needs 3.11 or later.")
    else:
        yield Finding(is_fine=True, sentence=f"Python is {version}.")


def _front() -> Findings:
    by = (
        "from memory, by the front"
        if IS_INSTALLED
        else "by the web processes, to this machine or a proxy only: httptools or uvloop is missing"
    )
    yield Finding(is_fine=True, sentence=f"Decisions are answered {by}.")


def _data_folder(folder: DataFolder) -> Findings:
    if not folder.path.is_dir():
        if settings.DATABASE_IS_EMBEDDED:
            yield Finding(
                is_fine=False,
                sentence=f"There is no data folder {folder.path}: `weir up` makes it, --data-dir names another.",
            )
        return
    yield from _not_open_to_others(folder.path, stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH)
    if folder.secrets.exists():
        yield from _not_open_to_others(folder.secrets, stat.S_IRWXG | stat.S_IRWXO)


def _not_open_to_others(path: Path, bits: int) -> Findings:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits:
        yield Finding(is_fine=False, sentence=f"Others may read {path} (mode {mode:o}): chmod go-rw {path}")
    elif not os.access(path, os.R_OK):
        yield Finding(is_fine=False, sentence=f"{path} belongs to another user; run this as that user.")
    else:
        yield Finding(is_fine=True, sentence=f"{path} is closed to others.")


def _disk(folder: DataFolder) -> Findings:
    at = next(path for path in (folder.path, *folder.path.parents) if path.exists())
    free = shutil.disk_usage(at).free
    yield Finding(is_fine=free >= LEAST_FREE_BYTES, sentence=f"{free / 1e9:,.1f} GB are free for {folder.path}.")


def _secrets() -> Findings:
    if settings.SECRET_KEY_IS_MADE_UP:
        yield Finding(
            is_fine=False, sentence="There is no secret key: set WEIR_SECRET_KEY, or start once with `weir up`."
        )
    if not settings.WEIR_SECRET_KEYS:
        yield Finding(
            is_fine=False,
            sentence="There is no key for channel secrets: set WEIR_SECRET_KEYS, or start once with `weir up`.",
        )
    elif not settings.SECRET_KEY_IS_MADE_UP:
        yield Finding(is_fine=True, sentence="The secret keys are set.")


def _broker() -> Findings:
    try:
        broker.check()
    except Exception as problem:  # noqa: BLE001  # each transport has errors of its own
        yield Finding(is_fine=False, sentence=f"The broker does not answer: {_first_line(problem)}.")
    else:
        yield Finding(is_fine=True, sentence="The broker answers.")


def _database(folder: DataFolder) -> Findings:
    if settings.DATABASE_IS_EMBEDDED and EmbeddedPostgres(folder).process() is None:
        if other := EmbeddedPostgres(folder).other_version():
            yield Finding(is_fine=False, sentence=other)
            return
        yield Finding(
            is_fine=False, sentence=f"The embedded PostgreSQL of {folder.path} is not running: start it with `weir up`."
        )
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('server_version_num')::int")
            version = cursor.fetchone()[0] // 10_000
    except DatabaseError as problem:
        yield Finding(is_fine=False, sentence=f"The database does not answer: {_first_line(problem)}.")
        return
    yield Finding(
        is_fine=version >= OLDEST_POSTGRES,
        sentence=f"PostgreSQL is version {version}; Weir needs {OLDEST_POSTGRES} or later.",
    )
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    yield Finding(
        is_fine=not pending,
        sentence=f"{len(pending)} migration(s) are pending: run `weir migrate`."
        if pending
        else "The tables are up to date.",
    )


def _clock(at: datetime) -> Findings:
    beat = Heartbeat.objects.filter(name="beat").first()
    if beat is None:
        yield Finding(is_fine=False, sentence="Beat has never ticked: is `weir up` running, or a beat and a worker?")
    elif (back := set_back_by(at)) > timedelta(seconds=2):
        yield Finding(
            is_fine=False,
            sentence=f"The clock was set back: it stands {_span(back)} before what was written last;"
            " what is due by it comes later.",
        )
    elif (age := at - beat.beat_at) > LATE:
        yield Finding(
            is_fine=False,
            sentence=f"Beat's last tick is {_span(age)} old: beat, or every worker of the queue `beat`, is gone.",
        )
    else:
        yield Finding(is_fine=True, sentence=f"Beat ticks and a worker listens ({_span(age)} ago).")
    if settings.BROKER_IS_POSTGRES:
        yield from _nudges()


def _nudges() -> Findings:
    for queue in broker.QUEUES:
        age = broker.oldest_nudge_s(queue)
        if age is not None and age > LATE.total_seconds():
            yield Finding(
                is_fine=False, sentence=f"Nobody has answered the queue `{queue}` for {age:.0f} s: its worker is gone."
            )


def _fold(at: datetime) -> Findings:
    waiting = waiting_for_fold()
    if waiting.since is not None and at - waiting.since > LATE:
        yield Finding(
            is_fine=False,
            sentence=f"{waiting.calls:,} calls, charged and in no roll-up, have waited {_span(at - waiting.since)}:"
            " the program `fold` of `weir up`, or `weir fold-usage`, does not run or does not keep up.",
        )
    else:
        yield Finding(is_fine=True, sentence="Roll-ups, charge lines and tasks hold all usage that was recorded.")
    for sentence in apart.set_aside():
        yield Finding(is_fine=False, sentence=sentence)


def _waiting(at: datetime) -> Findings:
    oldest = DirtyScope.objects.order_by("dirty_since").values_list("dirty_since", flat=True).first()
    if oldest is not None and at - oldest > LATE:
        yield Finding(is_fine=False, sentence=f"Usage has waited {_span(at - oldest)} to be evaluated.")
    else:
        yield Finding(is_fine=True, sentence="No usage waits to be evaluated.")


def _partitions(at: datetime) -> Findings:
    existing, this_month = existing_partitions(), Month.of(day_of(at))
    missing = [month for month in (this_month, this_month.following) if month not in existing]
    if missing:
        names = " and ".join(map(str, missing))
        yield Finding(
            is_fine=False,
            sentence=f"There is no table for the usage of {names}: allocation.maintain_partitions has not run.",
        )
    else:
        yield Finding(is_fine=True, sentence="There are tables for this month's and next month's usage.")


def _anomalies(at: datetime) -> Findings:
    last = Heartbeat.objects.filter(name=DETECTION_HEARTBEAT).first()
    if last is None:
        yield Finding(is_fine=True, sentence="Anomalies have not been looked for yet.")
    elif at - last.beat_at > DETECTION_LATE:
        yield Finding(
            is_fine=False,
            sentence=f"Anomalies were last looked for {_span(at - last.beat_at)} ago: the worker of `slow` is gone.",
        )
    elif last.detail:
        yield Finding(
            is_fine=False,
            sentence=f"Anomalies of {last.detail} could not be looked for: see the log, then `weir anomalies detect`.",
        )
    else:
        yield Finding(is_fine=True, sentence=f"Anomalies were looked for {_span(at - last.beat_at)} ago.")


def _apart(_at: datetime) -> Findings:
    sentences = list(apart.faults())
    for sentence in sentences:
        yield Finding(is_fine=False, sentence=sentence)
    if not sentences:
        yield Finding(is_fine=True, sentence="Nothing that is done for each organisation failed for one.")


def _quarantine(at: datetime) -> Findings:
    """Senders correct themselves, and people need a day: only what waits longer is wrong."""
    waiting = waiting_in_quarantine(QuarantinedUsage.objects.all())
    if waiting is None:
        yield Finding(is_fine=True, sentence="Nothing waits in quarantine.")
    else:
        remedy = "correct it on the page Quarantined usage, or mend the cause and `weir usage replay`"
        sentence = f"{waiting.sentence.removesuffix('.')}: {remedy}."
        yield Finding(is_fine=at - waiting.oldest_at <= QUARANTINE_LATE, sentence=sentence, is_note=True)


def _deliveries(at: datetime) -> Findings:
    dead = Delivery.objects.filter(status=DeliveryStatus.DEAD).count()
    if dead:
        yield Finding(
            is_fine=False,
            sentence=f"{dead} message(s) could not be delivered: `weir deliveries list --dead`, then replay them.",
        )
    late = Delivery.objects.filter(status=DeliveryStatus.PENDING, next_attempt_at__lt=at - DELIVERY_LATE).count()
    if late:
        yield Finding(is_fine=False, sentence=f"{late} message(s) are more than {_span(DELIVERY_LATE)} late.")
    if not dead and not late:
        yield Finding(is_fine=True, sentence="No message is late or given up.")


def _mail() -> Findings:
    if settings.MAIL_IS_WRITTEN:
        yield Finding(
            is_fine=True,
            sentence=f"Mail is written to {settings.EMAIL_FILE_PATH}, not sent: set WEIR_EMAIL_HOST to send it.",
        )
    elif not settings.EMAIL_HOST:
        yield Finding(is_fine=False, sentence="WEIR_EMAIL_HOST names no SMTP server: no mail can be sent.")
    else:
        yield Finding(is_fine=True, sentence=f"Mail is sent through {settings.EMAIL_HOST}:{settings.EMAIL_PORT}.")


def _channels(_at: datetime) -> Findings:
    if not holds_sealing_key():
        yield Finding(is_fine=False, sentence=OTHER_KEY)
        return
    for channel in Channel.objects.filter(is_enabled=True).exclude(kind="email"):
        try:
            channel_secrets(channel)
        except Exception:  # noqa: BLE001  # whatever the error, the operator must apply it again
            yield Finding(
                is_fine=False,
                sentence=f"No key of WEIR_SECRET_KEYS opens the secret of channel {channel}: apply it again.",
            )


def _span(age: timedelta) -> str:
    seconds = age.total_seconds()
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _first_line(problem: Exception) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(problem).__name__

"""Everything on one machine: database, web, workers and beat under one supervisor, until Ctrl-C."""

import importlib.util
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection, connections
from django.utils import timezone
from tqdm import tqdm

from config import alone, broker
from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.folders import PROJECT, DataFolder
from config.installation import AlreadyRunning, lock_folder, supervisor_configuration
from config.port import HOST, PORT, refusal
from config.programs import stop_leftovers
from config.roles import grant_application
from governance.management.arguments import operator, refusals_as_sentences
from governance.messages.operations import OtherSealingKey, claim_sealing_key
from governance.organisations.operations.rights import create_superuser

ADMIN_EMAIL = "admin@localhost"
DATABASE_TIMEOUT_S = 60
STATIC_PACKAGES = (
    "django",
    "django-allauth",
    "django-unfold",
    "drf-spectacular-sidecar",
    "djangorestframework",
    "weir",
)
# These tasks create rows that the first event or page needs; their schedule may come later.
FIRST_TASKS = (
    "allocation.maintain_partitions",
    "allocation.snapshot_catalogue",
    "budgets.open_periods",
    "budgets.make_forecasts",
)


class Command(BaseCommand):
    help = "Start Weir: database, web, workers and beat under one supervisor, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data-dir", help="where everything is kept (default: .weir beside the code)")
        parser.add_argument("--port", type=int, default=PORT, help=f"of the web server (default: {PORT})")
        parser.add_argument("--host", default=HOST, help="address it listens on (default: this machine only)")
        parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")

    def handle(self, *, port: int, host: str, no_demo: bool, **_options: object) -> None:
        folder: DataFolder = settings.DATA_FOLDER
        if unprotected := alone.why_not(host):
            raise CommandError(unprotected)
        try:
            lock_folder(folder)
        except AlreadyRunning as running:
            raise CommandError(str(running)) from None
        if stopped := stop_leftovers(folder):
            self.say(f"Stopped {stopped} process(es) that an earlier run had left behind.")
        if taken := refusal(host, port):
            raise CommandError(taken)
        self.prepare(folder, demo=not no_demo)
        self.become_supervisor(folder, host=host, port=port)

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    # --- preparing, before anything starts --------------------------------------------------------------------

    def prepare(self, folder: DataFolder, *, demo: bool) -> None:
        """Start the database, fill it, and stop it again for the supervisor."""
        server = EmbeddedPostgres(folder) if settings.DATABASE_IS_EMBEDDED else None
        folder.logs.mkdir(mode=0o700, exist_ok=True)
        try:
            if server:
                self.say(f"Starting PostgreSQL in {folder.postgres}.")
                server.start(say=self.say)
            _wait_for_database()
            self.fill(demo=demo)
        except EmbeddedPostgresError as problem:
            raise CommandError(str(problem)) from None
        finally:
            connections.close_all()
            if server:
                server.stop()

    def fill(self, *, demo: bool) -> None:
        """Migrate, and create the broker's tables, first rows, static files, the admin user and the demonstration."""
        self.say("Bringing tables up to date.")
        call_command("migrate", interactive=False, verbosity=0)
        try:
            claim_sealing_key(at=timezone.now())
        except OtherSealingKey as problem:
            raise CommandError(str(problem)) from None
        if settings.BROKER_IS_POSTGRES:
            self.say(broker.install())
            broker.purge_nudges()
            grant_application()
        current_app.loader.import_default_modules()
        for name in FIRST_TASKS:
            current_app.tasks[name]()
        self.collect_static()
        self.create_admin()
        if demo:
            self.seed()

    def collect_static(self) -> None:
        """Copy the static files of the admin and the API documentation, again only when they have changed."""
        wanted = " ".join([*(f"{name}={_version(name)}" for name in STATIC_PACKAGES), f"own={_digest_of_own_files()}"])
        stamp = settings.STATIC_ROOT / ".versions"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        self.say("Collecting the web pages' static files.")
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(wanted)

    def create_admin(self) -> None:
        """Create the first superuser with a random password, unless there is one."""
        users = get_user_model()._default_manager  # noqa: SLF001  # Django's documented name
        if users.filter(is_superuser=True).exists():
            return
        password = secrets.token_urlsafe(12)
        with refusals_as_sentences():
            create_superuser(email=ADMIN_EMAIL, password=password, actor=operator(), at=timezone.now())
        self.say("")
        self.say(f"  Admin user  {ADMIN_EMAIL}")
        self.say(f"  Password    {password}   (shown this once; change it in the admin)")
        self.say("")

    def seed(self) -> None:
        """Add the demonstration to an empty database."""
        from governance.scopes.models import Scope  # noqa: PLC0415  # apps are loaded by now

        if Scope.objects.exists() or importlib.util.find_spec("config.demo") is None:
            return
        self.say("The database is empty: adding a demonstration organisation with a year behind it (--no-demo: none).")
        with tqdm(unit=" months", leave=False, disable=not sys.stderr.isatty()) as bar:
            import_module("config.demo").seed(at=timezone.now(), progress=self.reporter(bar))

    def reporter(self, bar: "tqdm[Any]") -> Callable[[str, int, int], None]:
        """Reports each month on a bar where there is a terminal, else as a line."""

        def report(what: str, done: int, of: int) -> None:
            bar.total = of
            bar.set_description(what)
            bar.update(done - bar.n)
            if bar.disable:
                self.say(f"  {done} of {of} months: {what}")

        return report

    # --- starting ---------------------------------------------------------------------------------------------

    def become_supervisor(self, folder: DataFolder, *, host: str, port: int) -> None:
        """Replace this process by the supervisor, so that Ctrl-C and SIGTERM reach it."""
        name = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
        url = f"http://{name}:{port}"
        reach = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared, not bound
        os.environ["WEIR_DATA_DIR"] = str(folder.path)
        os.environ["WEIR_WEB_HOST"] = host
        os.environ["WEIR_WEB_PORT"] = str(port)
        os.environ["WEIR_READY_URL"] = f"http://{reach}:{port}/readyz"
        os.environ.setdefault("WEIR_PUBLIC_URL", url)
        os.environ["PYTHONUNBUFFERED"] = "1"
        configuration = folder.path / "supervisord.conf"
        configuration.write_text(supervisor_configuration(folder, embedded=settings.DATABASE_IS_EMBEDDED))
        (folder.path / "welcome.txt").write_text(_welcome(folder, url))
        (folder.path / "up.json").write_text(json.dumps({"pid": os.getpid(), "url": url}))
        self.say("Starting web, workers and beat.")
        subprocess.Popen([sys.executable, "-m", "config.programs", "announce"], cwd=PROJECT, stdin=subprocess.DEVNULL)
        script = str(PROJECT / "config" / "supervise.py")
        os.execv(sys.executable, [sys.executable, script, str(configuration)])  # noqa: S606  # no shell is wanted


def _wait_for_database() -> None:
    deadline = time.monotonic() + DATABASE_TIMEOUT_S
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError as problem:
            if time.monotonic() > deadline:
                raise CommandError(f"The database does not answer: {str(problem).strip()}") from None
            time.sleep(0.5)


def _digest_of_own_files() -> str:
    """Of a checkout's own static files, whose version does not change with them."""
    digest = sha256()
    for file in sorted((PROJECT / "config" / "static").rglob("*.*")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "checkout"


def _own_command() -> str:
    """The command for `weir` in another terminal; `make run` does not put it on the PATH."""
    installed = Path(sys.executable).with_name("weir")
    if shutil.which("weir") == str(installed):
        return "weir"
    return shlex.quote(str(installed)) if installed.exists() else f"{shlex.quote(sys.executable)} manage.py"


def _welcome(folder: DataFolder, url: str) -> str:
    where = f"export WEIR_DATA_DIR={shlex.quote(str(folder.path))}"
    command = _own_command()
    return f"""
Weir is ready.

  Admin       {url}/admin/      as {ADMIN_EMAIL}, with the password shown at the first start
  API         {url}/api/docs/
  Health      {url}/readyz      and `{command} doctor`
  Data, logs  {folder.path}
  Mail        {"written to " + str(folder.mail) if settings.MAIL_IS_WRITTEN else "sent through " + settings.EMAIL_HOST}

Look first at Budgets, Alerts and Constraints in the admin. Then, in another terminal:

  {where}
  {command} keys create --scope SCOPE --can usage:write,decisions:read      a key for a gateway, shown once
  {command} apply FILE.yaml      scopes, channels, prices, budgets, guardrails

Ctrl-C stops everything.
"""

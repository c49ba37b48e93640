"""Statements end that take too long, by who asks: a program of `weir up`, one that was started by hand, a command."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.core.management import get_commands
from django.db import connection

from config import statements
from config.celery import limit_statements
from config.programs import PROGRAMS
from policies.decisions.operations import following

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.adversary("database")
SECONDS = {"WEB": 1, "FOLD": 2, "EVALUATION": 3, "DELIVERIES": 4, "WORKERS": 5, "COMMANDS": 6}


@pytest.fixture
def limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "")
    monkeypatch.delenv("PGOPTIONS")
    for role, seconds in SECONDS.items():
        setattr(settings, f"STATEMENT_TIMEOUT_{role}_S", seconds)


def asked_for(seconds: int) -> str:
    return f"-c statement_timeout={seconds}s"


@pytest.mark.usefixtures("limits")
def test_every_program_has_the_limit_of_its_role() -> None:
    assert {program: statements.session_options(program) for program in statements.LIMITS} == {
        "web": asked_for(1), "fold": asked_for(2), "evaluate": asked_for(3), "fast": asked_for(3),
        "deliver": asked_for(4), "slow": asked_for(5), "beat": asked_for(5), "command": asked_for(6),
    }  # fmt: skip
    # The front has its own.
    assert set(PROGRAMS) <= {*statements.LIMITS, "front"}
    assert (following.PATIENCE, following.WHOLE) == (
        "SET statement_timeout = '5s'", "SET LOCAL statement_timeout = '300s'",
    )  # fmt: skip


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize(
    ("queues", "seconds"),
    [(["evaluation", "beat"], 3), (["deliveries", "watch"], 4), (["deliveries", "slow"], 5), (["of another"], 5)],
)
def test_a_worker_that_was_started_by_hand_has_that_of_its_queues(queues: list[str], seconds: int) -> None:
    app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues))))
    limit_statements(instance=SimpleNamespace(app=app))
    assert os.environ["PGOPTIONS"] == asked_for(seconds)
    statements.limit("web")
    assert os.environ["PGOPTIONS"] == asked_for(seconds)  # whoever chose first has chosen


def test_a_command_that_has_no_limit_is_one_that_changes_tables() -> None:
    ours = {name for name, app in get_commands().items() if not str(app).startswith("django.") or name == "migrate"}
    named = {name: statements.program_of_command(name) for name in ours}
    assert {name for name, program in named.items() if not program} == {"up", "migrate", "restore", "upgrade_database"}
    assert {name: program for name, program in named.items() if program not in {"", "command"}} == {
        "fold_usage": "fold", "evaluate": "evaluate",
    }  # fmt: skip


def test_no_limit_is_longer_than_any(settings: Any) -> None:
    settings.STATEMENT_TIMEOUT_DELIVERIES_S = 0
    assert statements.program_of_queues(["deliveries", "slow"]) == "deliver"


# --- with a database -------------------------------------------------------------------------------------------------


@pytest.fixture
def url(transactional_db: None) -> str:
    main = connection.settings_dict
    return psycopg.conninfo.make_conninfo(
        "", dbname=main["NAME"], user=main["USER"], host=main["HOST"], port=main["PORT"] or None,
        password=main["PASSWORD"] or None,
    )  # fmt: skip


@pytest.fixture
def keys_in_use(url: str) -> Iterator[None]:
    """Nobody reads them meanwhile."""
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE governance_apikey IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


def run(*words: str, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "PG"))}
    env = known | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings", "WEIR_SECRET_KEY": "x" * 50} | more
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("keys_in_use")
def test_a_command_is_given_up_and_says_what_gives_it_longer(url: str) -> None:
    ended = run("manage.py", "keys", "list", url=url, WEIR_STATEMENT_TIMEOUT_COMMANDS_S="1")
    told = (
        "PostgreSQL gave a statement up after the 1 s that one of a command may take; what it would have changed is as"
        " it was. WEIR_STATEMENT_TIMEOUT_COMMANDS_S gives more, 0 as long as it takes.\n"
    )
    assert (ended.returncode, ended.stderr) == (1, told)


SHOW = """
import config.wsgi
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SHOW statement_timeout")
    print(cursor.fetchone()[0])
connection.close_pool()
"""


def test_web_processes_that_were_started_by_hand_have_theirs(url: str) -> None:
    assert run("-c", SHOW, url=url, WEIR_STATEMENT_TIMEOUT_WEB_S="77").stdout == "77s\n"

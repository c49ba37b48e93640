"""What holds for the whole house, whoever adds to it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from config import broker, published
from config.folders import DataFolder
from config.programs import PROGRAMS, command

ROOT = Path(__file__).resolve().parents[2]
APPS = ("governance", "allocation", "budgets", "policies", "reporting", "config")


def sources(*folders: str) -> list[Path]:
    return [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts
    ]


def own_tasks() -> set[str]:
    current_app.loader.import_default_modules()
    return {name for name in current_app.tasks if not name.startswith("celery.")}


def decorated_as_tasks() -> Iterator[tuple[Path, ast.FunctionDef, ast.expr]]:
    for path in sources(*APPS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if "shared_task" in ast.unparse(decorator):
                        yield path, node, decorator


def test_every_task_is_named_after_its_app_and_function() -> None:
    found = list(decorated_as_tasks())

    assert found
    for path, function, decorator in found:
        assert f"name='{path.relative_to(ROOT).parts[0]}.{function.name}'" in ast.unparse(decorator), path


def test_every_task_is_scheduled_and_everything_scheduled_is_a_task() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} == own_tasks()


def test_every_routed_task_exists_and_goes_to_a_queue_somebody_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_WEB_HOST", "127.0.0.1")
    monkeypatch.setenv("WEIR_WEB_PORT", "8000")
    assert set(settings.CELERY_TASK_ROUTES) <= own_tasks()
    asked = [route["queue"] for route in settings.CELERY_TASK_ROUTES.values()]
    assert sorted(asked) == ["beat", "deliveries", "evaluation", "presses", "watch"], "each has a queue of its own"
    assert settings.CELERY_TASK_DEFAULT_QUEUE == "slow"
    assert served_queues() == sorted([*asked, "slow"])
    assert sorted(broker.QUEUES) == served_queues()


def served_queues() -> list[str]:
    """Those that the workers of `weir up` consume, each once."""
    folder = DataFolder(Path("unused"))
    words = [command(program, folder) for program in PROGRAMS]
    asked = [line[line.index("--queues") + 1] for line in words if "--queues" in line]
    return sorted(queue for queues in asked for queue in queues.split(","))


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_published_schemas_are_current() -> None:
    assert published.outdated() == []


def api_paths(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = before + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if isinstance(pattern, URLResolver):
            yield from api_paths(pattern.url_patterns, path)
        elif path.startswith("api/v1/"):
            # Any value will do for what the path captures: nobody gets that far.
            filled = re.sub(r"<(?:uuid):\w+>", "00000000-0000-4000-8000-000000000000", path)
            filled = re.sub(r"<(?:int):\w+>", "1", filled)
            filled = re.sub(r"<(?:\w+:)?\w+>|\(\?P<\w+>(?:\[[^]]*\]|[^()])*\)", "1", filled)
            yield "/" + filled.replace("\\", "")


@pytest.mark.django_db
@pytest.mark.parametrize("path", sorted(set(api_paths(get_resolver().url_patterns))))
def test_every_api_route_refuses_anonymous(path: str) -> None:
    answers = {
        method: getattr(Client(), method)(path, data="{}", content_type="application/json")
        for method in ("post", "put", "patch", "delete")
    } | {"get": Client().get(path)}

    statuses = {method: answer.status_code for method, answer in answers.items()}
    assert set(statuses.values()) <= {401, 405}, statuses
    assert 401 in statuses.values()
    for answer in answers.values():
        assert answer["Content-Type"] == "application/problem+json"


def test_the_walls_stand() -> None:
    ran = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout


def test_no_name_says_nothing() -> None:
    empty = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|handlers?|processors?|data|info)$")

    assert [path for path in sources(*APPS) if empty.search(path.stem)] == []


def test_locked_requirements_name_no_place_to_fetch_from() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links|file:", path.read_text()) == [], path

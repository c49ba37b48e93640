import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from config.environment import Environment, EnvironmentVariableError
from config.settings import database

ROOT = Path(__file__).resolve().parents[2]


def read_by_settings() -> set[str]:
    trees = [ast.parse((ROOT / "config" / name).read_text()) for name in ("settings.py", "identity.py", "money.py")]
    return {
        node.args[0].value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_the_readme_lists_exactly_the_variables_that_are_read() -> None:
    section = (ROOT / "README.md").read_text().split("## Settings", 1)[1].split("\n## ", 1)[0]

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", section, flags=re.MULTILINE)) == read_by_settings()


@pytest.mark.parametrize(
    ("read", "value", "sentence"),
    [
        (lambda env: env.integer("X", 1), "ten", "The environment variable X must be a whole number, not 'ten'."),
        (lambda env: env.integer("X", 1, least=1), "0", "The environment variable X must be at least 1, not 0."),
        (
            lambda env: env.flag("X", default=True),
            "maybe",
            "The environment variable X must be true or false, not 'maybe'.",
        ),
        (
            lambda env: env.choice("X", "a", frozenset({"a", "b"})),
            "c",
            "The environment variable X must be one of a, b, not 'c'.",
        ),
    ],
)
def test_a_value_that_cannot_be_read_stops_with_a_sentence(
    read: Callable[[Environment], object], value: str, sentence: str
) -> None:
    with pytest.raises(EnvironmentVariableError) as refused:
        read(Environment({"X": value}))

    assert str(refused.value) == sentence


def test_an_empty_variable_counts_as_unset() -> None:
    env = Environment({"TEXT": "", "NUMBER": " ", "FLAG": "", "WORDS": " , "})

    assert (
        env.text("TEXT", "a"),
        env.integer("NUMBER", 7),
        env.flag("FLAG", default=True),
        env.words("WORDS", ("b",)),
    ) == (
        "a",
        7,
        True,
        ["b"],
    )


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DATABASE_URL", "mysql://x", "The environment variable DATABASE_URL "),
        ("CELERY_BROKER_URL", "sqs://", "The environment variable CELERY_BROKER_URL must start with"),
        ("WEIR_SECRET_KEYS", "short", "The environment variable WEIR_SECRET_KEYS must "),
        ("WEIR_EMAIL_PORT", "smtp", "The environment variable WEIR_EMAIL_PORT must be a whole number, not 'smtp'."),
    ],
)
def test_any_command_stops_at_a_wrong_setting(variable: str, value: str, sentence: str) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode != 0
    assert ran.stderr.startswith(sentence), ran.stderr


def test_a_database_url_keeps_its_options() -> None:
    found = database("postgresql://weir:a%20b@db.example:6432/money?sslmode=require")

    assert {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "money",
        "USER": "weir",
        "PASSWORD": "a b",
        "HOST": "db.example",
        "PORT": "6432",
    }
    assert found["OPTIONS"]["sslmode"] == "require"

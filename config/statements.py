"""How long PostgreSQL works on one statement, by the role of whoever asked: what runs for ever holds its locks, its
place among the connections and whoever waits behind it.
"""

import os
from collections.abc import Iterable, Mapping

# By program of `weir up`, the setting of its limit.
LIMITS: Mapping[str, str] = {
    "web": "STATEMENT_TIMEOUT_WEB_S",
    "fold": "STATEMENT_TIMEOUT_FOLD_S",
    "evaluate": "STATEMENT_TIMEOUT_EVALUATION_S",
    "fast": "STATEMENT_TIMEOUT_EVALUATION_S",
    "deliver": "STATEMENT_TIMEOUT_DELIVERIES_S",
    "slow": "STATEMENT_TIMEOUT_WORKERS_S",
    "beat": "STATEMENT_TIMEOUT_WORKERS_S",
    "command": "STATEMENT_TIMEOUT_COMMANDS_S",
}
PROGRAM_OF_QUEUE = {
    "evaluation": "fast", "beat": "fast", "deliveries": "deliver", "watch": "deliver", "presses": "deliver",
    "slow": "slow",
}  # fmt: skip
# These are commands too, but they run until they are stopped.
PROGRAM_OF_COMMAND = {"fold_usage": "fold", "evaluate": "evaluate"}
# What changes tables takes as long as it takes: cut off, it would only begin again.
UNLIMITED_COMMANDS = frozenset({"up", "migrate", "restore", "upgrade_database"})

# What this process is, where that is known before Django is set up (config/cli.py).
own_program = ""


def session_options(program: str) -> str:
    """What PostgreSQL is asked for with every connection of the program that asks for nothing itself."""
    return f"-c statement_timeout={_seconds(program)}s"


def limit(program: str) -> None:
    """From now on connections of this process have the limit, unless somebody has chosen options for it. A connection
    string with `options` of its own decides itself.
    """
    os.environ.setdefault("PGOPTIONS", session_options(program))


def program_of_command(name: str) -> str:
    """As what a command counts; "" for one without a limit."""
    return "" if name in UNLIMITED_COMMANDS else PROGRAM_OF_COMMAND.get(name, "command")


def program_of_queues(queues: Iterable[str]) -> str:
    """As what a worker counts that was started by hand: of those whose work it does, the one that may take longest."""
    return max({PROGRAM_OF_QUEUE.get(queue, "slow") for queue in queues}, key=lambda program: _seconds(program) or 1e9)


def _seconds(program: str) -> int:
    from django.conf import settings  # noqa: PLC0415  # this module is read before settings are

    return int(getattr(settings, LIMITS[program]))

"""The `weir` command: Django's commands with our settings, for the chosen data folder."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from config import statements
from config.backup.archive import BackupError
from config.backup.keys import take_over_keys
from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.folders import SYSTEM_FOLDER, data_folder
from config.installation import ensure_secrets

DATA_DIR = "--data-dir"
KEYS_FROM = 2


def main() -> None:
    """Run the command of `sys.argv`; a database that does not answer ends it with a sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    arguments = with_module_name(choose_data_folder(sys.argv))
    if arguments[1:2] == ["up"] and not {"-h", "--help"} & set(arguments):
        prepare()
    if arguments[1:2] == ["restore"] and len(arguments) > KEYS_FROM and not arguments[KEYS_FROM].startswith("-"):
        take_over(Path(arguments[KEYS_FROM]))
    statements.own_program = statements.program_of_command(next(iter(arguments[1:2]), ""))
    from django.core.management import execute_from_command_line  # noqa: PLC0415  # settings must be named first
    from django.db import OperationalError, ProgrammingError  # noqa: PLC0415  # see above

    try:
        execute_from_command_line(arguments)
    except (OperationalError, ProgrammingError) as problem:
        raise SystemExit(explain_database_error(problem)) from problem if "--traceback" in arguments else None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def choose_data_folder(arguments: Sequence[str]) -> list[str]:
    """The arguments without `--data-dir DIR`, which goes into WEIR_DATA_DIR: settings are loaded before any command
    parses its arguments.
    """
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == DATA_DIR:
            chosen = next(words, "")
        elif word.startswith(f"{DATA_DIR}="):
            chosen = word.partition("=")[2]
        else:
            kept.append(word)
            continue
        if not chosen:
            raise SystemExit(f"{DATA_DIR} needs the name of a folder.")
        os.environ["WEIR_DATA_DIR"] = chosen
    return kept


def with_module_name(arguments: Sequence[str]) -> list[str]:
    """The command's name with underscores: `weir unit-economics` is the module unit_economics."""
    program, *words = arguments
    return [
        program,
        *(word.replace("-", "_") if not place and word[:1] != "-" else word for place, word in enumerate(words)),
    ]


def prepare() -> None:
    """Create the data folder and its secrets before the settings that read them are loaded."""
    folder = data_folder(os.environ.get("WEIR_DATA_DIR", ""))
    if SYSTEM_FOLDER in folder.path.parents and not os.environ.get("WEIR_DATA_DIR"):
        say(
            f"Running as root below a private folder that PostgreSQL's own user may not pass through: the data goes to "
            f"{folder.path}, and no permission is changed. Choose another folder with --data-dir."
        )
    os.environ["WEIR_DATA_DIR"] = str(folder.path)
    try:
        if os.environ.get("DATABASE_URL"):
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            EmbeddedPostgres(folder).prepare_folders(say)
        ensure_secrets(folder)
    except (EmbeddedPostgresError, OSError) as problem:
        raise SystemExit(str(problem)) from None


def take_over(file: Path) -> None:
    """The keys of a backup become those of the data folder before the settings that read them are loaded."""
    folder = data_folder(os.environ.get("WEIR_DATA_DIR", ""))
    os.environ["WEIR_DATA_DIR"] = str(folder.path)
    try:
        take_over_keys(file, folder)
    except (BackupError, OSError) as problem:
        raise SystemExit(str(problem)) from None


def say(sentence: str) -> None:
    """Print at once, also into a pipe."""
    print(sentence, flush=True)  # noqa: T201


def explain_database_error(problem: Exception) -> str:
    """What to do about a database that does not answer, in a sentence."""
    from django.conf import settings  # noqa: PLC0415  # loaded by the command that failed
    from psycopg.errors import QueryCanceled  # noqa: PLC0415  # see above

    folder = settings.DATA_FOLDER
    if settings.DATABASE_IS_EMBEDDED and EmbeddedPostgres(folder).process() is None:
        if other := EmbeddedPostgres(folder).other_version():
            return other
        return (
            f"The database of {folder.path} is not running. Start it with `weir up`, "
            f"or name another folder ({DATA_DIR} or WEIR_DATA_DIR) or another database (DATABASE_URL)."
        )
    if isinstance(problem.__cause__, QueryCanceled):
        return (
            f"PostgreSQL gave a statement up after the {settings.STATEMENT_TIMEOUT_COMMANDS_S} s that one of a command"
            " may take; what it would have changed is as it was. WEIR_STATEMENT_TIMEOUT_COMMANDS_S gives more, 0 as"
            " long as it takes."
        )
    first = str(problem).strip().splitlines()[0]
    return f"The database refused: {first}. `weir doctor` says more; --traceback shows the traceback."

"""A data folder as a Weir with an older major version of PostgreSQL left it, by the programs that the wheel brings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from config.embedded import EmbeddedPostgres
from config.embedded.programs import binaries
from config.embedded.system_user import give_to_system_user, run_as_system_user
from config.folders import DataFolder

OLDER = "16"


def say(_sentence: str) -> None:
    return


def older_folder(folder: Path) -> EmbeddedPostgres:
    """Its cluster is made, and not running."""
    server = EmbeddedPostgres(DataFolder(folder))
    server.prepare_folders(say)
    for made in (server.folder.postgres, server.folder.sockets, server.folder.logs):
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    for theirs in (server.folder.postgres, server.folder.sockets):
        give_to_system_user(theirs)
    _run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "weir", "-D", str(server.folder.postgres))
    return server


@contextmanager
def older_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """It runs, with an empty database; at the end it is killed."""
    server = older_folder(folder)
    control = ("pg_ctl", "-w", "-D", str(server.folder.postgres))
    options = f"-c listen_addresses= -c unix_socket_directories={server.folder.sockets}"
    _run(*control, "-l", str(server.folder.postgres / "log"), "-o", options, "start")
    try:
        with psycopg.connect(server.url.replace("/weir?", "/postgres?"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE weir")
        yield server
    finally:
        _run(*control, "-m", "immediate", "stop")


def _run(program: str, *words: str) -> None:
    ran = run_as_system_user([str(binaries(say, OLDER) / program), *words])
    assert ran.returncode == 0, ran.stderr

"""Command line of the embedded PostgreSQL: python -m config.embedded start|stop|status|run FOLDER"""

import argparse
import sys
from pathlib import Path

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.server import EmbeddedPostgres
from config.embedded.system_user import Say
from config.folders import DataFolder


def main(words: list[str] | None = None) -> int:
    """The exit code: 1 after an error, 3 when `status` shows no server."""
    parser = argparse.ArgumentParser(
        prog="python -m config.embedded", description="The embedded PostgreSQL of a folder."
    )
    parser.add_argument("action", choices=["start", "stop", "status", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--throwaway", action="store_true", help="without fsync: for tests")
    given = parser.parse_args(words)
    server = EmbeddedPostgres(DataFolder(given.folder.absolute()), durable=not given.throwaway)
    say: Say = lambda sentence: print(sentence, file=sys.stderr, flush=True)  # noqa: E731  # one line, four uses
    try:
        match given.action:
            case "start":
                server.start(say=say)
                print(server.url)
            case "stop":
                say("Stopped." if server.stop() else "It was not running.")
            case "run":
                server.run(say=say)
            case _:
                process = server.process()
                print(server.url if process else "not running")
                return 0 if process else 3
    except EmbeddedPostgresError as problem:
        say(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

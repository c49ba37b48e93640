"""Events per second of a file import. Runs `manage.py usage import` on the database that the settings name.

    python bench/file_import.py --scope acme [--events 300000]

The scope must hold the team scopes that --team names (default: the scope itself).
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from ingest import batch_of

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scope", required=True)
    parser.add_argument("--team", action="append")
    parser.add_argument("--events", type=int, default=300_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_bytes(
            batch_of(uuid.uuid4().hex[:12], 0, given.events, given.team or [given.scope], datetime.now(UTC))
        )
        command = [sys.executable, "manage.py", "usage", "import", str(path), "--scope", given.scope]
        for title in ("first import", "second import"):
            started = time.perf_counter()
            output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
            took = time.perf_counter() - started
            print(
                f"{title}: {took:.1f} s, {given.events / took:,.0f} events/s (start of the process included); {output}"
            )
        if not re.search(rf" 0 accepted, {given.events} there already", output):
            raise SystemExit("the second import must change nothing")


if __name__ == "__main__":
    main()

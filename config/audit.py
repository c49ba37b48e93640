"""Whether a locked component has a vulnerability that is known: `make audit`. What could not be asked counts as not
known, never as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

NONE_KNOWN, KNOWN, NOT_ASKED = 0, 1, 2
# Each locked version is looked up as it stands; nothing is resolved or installed.
AUDIT = ("uv", "tool", "run", "pip-audit", "--disable-pip", "--require-hashes", "--format", "json", "--requirement")


def audit(locks: Sequence[Path], *, command: Sequence[str] = AUDIT) -> tuple[int, list[str]]:
    """The code to exit with, and a line for each finding. Needs uv and the network."""
    worst, lines = NONE_KNOWN, []
    for lock in locks:
        code, told = _of_lock(lock, command)
        worst = max(worst, code)
        lines += [f"{lock.name}: {line}" for line in told]
    return worst, lines


def _of_lock(lock: Path, command: Sequence[str]) -> tuple[int, list[str]]:
    try:
        ran = subprocess.run([*command, str(lock)], capture_output=True, text=True, check=False)  # words of our own
    except OSError as problem:
        return NOT_ASKED, [f"nothing was asked: {problem.strerror}: {command[0]}"]
    try:
        components: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, LookupError, TypeError):
        last = ran.stderr.strip().rpartition("\n")[2]
        return NOT_ASKED, [f"nothing was asked: {last or f'{command[0]} ended with {ran.returncode}'}"]
    unasked = [
        f"{each['name']} was not asked for: {each['skip_reason']}" for each in components if "skip_reason" in each
    ]
    known = list(_known(components))
    code = NOT_ASKED if unasked or not components else KNOWN if known else NONE_KNOWN
    return code, [*known, *unasked, f"{len(components) - len(unasked)} components asked for, {len(known)} findings"]


def _known(components: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in components:
        for found in each.get("vulns", []):
            names = ", ".join([found["id"], *found.get("aliases", [])])
            mended = " or ".join(found.get("fix_versions", [])) or "no version yet"
            yield f"{each['name']} {each['version']} has {names}; mended by {mended}"


def main() -> int:
    code, lines = audit([Path(name) for name in sys.argv[1:]])
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

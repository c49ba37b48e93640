"""What `make audit` says of what it was told, and of what it could not ask."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from config.audit import KNOWN, NONE_KNOWN, NOT_ASKED, audit

SOUND: dict[str, Any] = {"name": "django", "version": "5.2.19", "vulns": []}
FLAWED: dict[str, Any] = {
    "name": "requests", "version": "2.1.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.2.0"], "description": "long"}],
}  # fmt: skip
UNMENDED = FLAWED | {"vulns": [{"id": "GHSA-x", "aliases": [], "fix_versions": []}]}
SKIPPED = {"name": "granian", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("components", "code", "lines"),
    [
        ([SOUND], NONE_KNOWN, ["1 components asked for, 0 findings"]),
        (
            [SOUND, FLAWED, UNMENDED],
            KNOWN,
            [
                "requests 2.1.0 has PYSEC-2026-1, CVE-2026-1; mended by 2.2.0",
                "requests 2.1.0 has GHSA-x; mended by no version yet",
                "3 components asked for, 2 findings",
            ],
        ),
        ([SOUND, SKIPPED], NOT_ASKED, ["granian was not asked for: not found", "1 components asked for, 0 findings"]),
        ([], NOT_ASKED, ["0 components asked for, 0 findings"]),
    ],
)
def test_what_is_known_of_each_component_is_told(components: list[Any], code: int, lines: list[str]) -> None:
    said = json.dumps({"dependencies": components, "fixes": []})
    # pip-audit ends with 1 where it found something.
    answers = (sys.executable, "-c", f"import sys; print({said!r}); sys.exit({int(code == KNOWN)})")
    assert audit([Path("base.txt")], command=answers) == (code, [f"base.txt: {line}" for line in lines])


def test_without_the_network_or_uv_nothing_is_said_to_be_well() -> None:
    away = (sys.executable, "-c", "import sys; sys.exit('ConnectionError: nobody there')")
    assert audit([Path("base.txt")], command=away) == (
        NOT_ASKED, ["base.txt: nothing was asked: ConnectionError: nobody there"],
    )  # fmt: skip
    assert audit([Path("base.txt")], command=("/nowhere/uv",)) == (
        NOT_ASKED, ["base.txt: nothing was asked: No such file or directory: /nowhere/uv"],
    )  # fmt: skip

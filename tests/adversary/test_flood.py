"""Everything at once that has stopped Weir, against a running one: another organisation is answered all the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.adversary("greedy callers"), pytest.mark.slow, pytest.mark.xdist_group("flood")]


def test_another_organisation_is_answered_accepted_and_told_while_one_floods() -> None:
    """How soon depends on the machine; `python -m bench.flood` prints it."""
    unset = ("WEIR_", "CELERY_", "DATABASE_", "DJANGO_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    words = [sys.executable, "-m", "bench.flood", "--seconds", "8", "--quiet-seconds", "1"]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    counted = {what: int(count) for what, count in re.findall(r"flood, (\w+): (\d+),", done.stdout)}
    assert "flood, not answered with 200 or not accepted: {}" in done.stdout, done.stdout
    beside = re.findall(r"^(\w+) (p50|p99|worst) +[\d.]+ ms +[\d.]+ ms +[\d.]+×$", done.stdout, re.MULTILINE)
    assert {what for what, _ in beside} >= {"decisions", "usage"}, done.stdout
    assert counted["decisions"] > 20, done.stdout
    assert min(counted["usage"], counted["alerts"]) >= 1, done.stdout
    for kind in ("unfinished", "silent", "guessed", "batches", "decisions"):
        assert f'"{kind}: ' in done.stdout.partition("the flood was answered:")[2], done.stdout

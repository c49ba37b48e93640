import socket
import subprocess
from collections.abc import Iterator

import pytest

from config.folders import PROJECT
from config.port import main, refusal


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_with_the_way_out(taken: int) -> None:
    said = refusal("127.0.0.1", taken)
    assert said is not None
    assert said.startswith(f"Port {taken} on 127.0.0.1 cannot be used (")
    assert said.endswith('another port: --port 9000, with make: make run UP="--port 9000".')


def test_an_impossible_port_is_refused_and_a_free_one_is_not(taken: int) -> None:
    assert refusal("127.0.0.1", 70_000) is not None
    assert main(["--port", str(taken), "--no-demo"]) == refusal("127.0.0.1", taken)
    assert main(["--port", "0"]) is None


def test_make_run_says_so_before_it_installs_anything(taken: int) -> None:
    wanted = ["make", "run", "VENV=.nothing", f"UP=--port {taken}"]
    made = subprocess.run(wanted, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=30)
    assert (made.returncode, f"Port {taken} on 127.0.0.1 cannot be used" in made.stderr) == (2, True)

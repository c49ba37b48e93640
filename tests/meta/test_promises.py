"""What docs/security.md and docs/asvs.md promise is tested by tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECURITY, ASVS = ROOT / "docs/security.md", ROOT / "docs/asvs.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
STATES = {"met", "in part", "not met", "not ours", "none here"}
# Requirements of the levels 1 and 2 of ASVS 5.0.0 by section; those that are missing are of level 3.
NUMBERS = """
1.1: 1-2; 1.2: 1-9; 1.3: 1-11; 1.4: 1-3; 1.5: 1-2; 2.1: 1-3; 2.2: 1-3; 2.3: 1-4; 2.4: 1; 3.2: 1-2; 3.3: 1-4;
3.4: 1-6; 3.5: 1-5; 3.7: 1-2; 4.1: 1-3; 4.2: 1; 4.3: 1-2; 4.4: 1-4; 5.1: 1; 5.2: 1-3; 5.3: 1-2; 5.4: 1-3; 6.1:
1-3; 6.2: 1-12; 6.3: 1-4; 6.4: 1-4; 6.5: 1-5; 6.6: 1-3; 6.8: 1-4; 7.1: 1-3; 7.2: 1-4; 7.3: 1-2; 7.4: 1-5; 7.5:
1-2; 7.6: 1-2; 8.1: 1-2; 8.2: 1-3; 8.3: 1; 8.4: 1; 9.1: 1-3; 9.2: 1-4; 10.1: 1-2; 10.2: 1-2; 10.3: 1-4; 10.4:
1-11; 10.5: 1-5; 10.6: 1-2; 10.7: 1-3; 11.1: 1-2; 11.2: 1-3; 11.3: 1-3; 11.4: 1-4; 11.5: 1; 11.6: 1; 12.1:
1-3; 12.2: 1-2; 12.3: 1-4; 13.1: 1; 13.2: 1-5; 13.3: 1-2; 13.4: 1-5; 14.1: 1-2; 14.2: 1-4; 14.3: 1-3; 15.1:
1-3; 15.2: 1-3; 15.3: 1-7; 16.1: 1; 16.2: 1-5; 16.3: 1-4; 16.4: 1-3; 16.5: 1-3; 17.1: 1; 17.2: 1-4; 17.3: 1-2
"""


def requirements() -> list[str]:
    """In the standard's order."""
    found = []
    for section, numbers in re.findall(r"([\d.]+):\s([\d,-]+)", NUMBERS):
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            found += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    return found


def rows() -> list[tuple[str, str, str, str]]:
    """Number or range, words, state, test or reason."""
    return re.findall(r"^\| (\d[\d.–]*) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", ASVS.read_text(), re.MULTILINE)


def files_that_are_missing(text: str) -> list[str]:
    missing = []
    for file, name in NAMED.findall(text):
        path = ROOT / file
        if not path.is_file() or (name and f"def {name}(" not in path.read_text()):
            missing.append(f"{file}::{name}" if name else file)
    return missing


@pytest.mark.parametrize("page", [SECURITY, ASVS], ids=lambda page: page.name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    assert files_that_are_missing(text) == []
    assert len(NAMED.findall(text)) > 10


def test_a_test_that_is_not_there_is_seen() -> None:
    itself = "tests/meta/test_promises.py"
    text = f"`{itself}`, `{itself}::rows`, `{itself}::nobody`, `tests/meta/test_nothing.py`"
    assert files_that_are_missing(text) == [f"{itself}::nobody", "tests/meta/test_nothing.py"]


def test_every_experiment_is_promised_by_name() -> None:
    promised = {file for file, _name in NAMED.findall(SECURITY.read_text())}
    experiments = {str(file.relative_to(ROOT)) for file in (ROOT / "tests/adversary").glob("test_*.py")}
    assert experiments - promised == set()


def test_every_requirement_stands_there_once_with_its_state() -> None:
    order = requirements()
    stated = []
    for number, _words, state, reason in rows():
        assert state in STATES, number
        assert reason.strip() or state == "none here", number
        first, _, last = number.partition("–")
        stated += order[order.index(first) : order.index(last or first) + 1]
    assert len(order) == 253
    assert stated == order


def test_every_experiment_has_a_number_and_a_test() -> None:
    """The numbers follow one another in each of the eight subjects, and what is tried for it is a test by its name."""
    table = SECURITY.read_text().split("\n## Every experiment, and the test that holds it\n", 1)[1]
    found = re.findall(r"^\| (\d+)\.(\d+) \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\| \d", table, re.MULTILINE))
    numbers: dict[int, list[int]] = {}
    for subject, number, tests in found:
        numbers.setdefault(int(subject), []).append(int(number))
        named = NAMED.findall(tests)
        assert named, f"{subject}.{number}"
        # Of people the whole file, which holds nothing else.
        assert all(name or subject == "6" for _, name in named), f"{subject}.{number}"
    assert list(numbers) == list(range(1, 9))
    assert all(of_subject == list(range(1, len(of_subject) + 1)) for of_subject in numbers.values())


def test_every_experiment_is_marked_by_its_kind() -> None:
    for file in sorted((ROOT / "tests/adversary").glob("test_*.py")):
        assert re.search(r'pytestmark = .*?pytest\.mark\.adversary\("[a-z ]+"\)', file.read_text(), re.DOTALL), (
            file.name
        )

"""What a document names is there: files, links, tests, imports, concepts; and an app's README stays a page."""

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("governance", "allocation", "budgets", "policies", "reporting")
FOLDERS = (*APPS, "config", "tests", "docs", "bench", "guardrails", "requirements", "clients")
LINK = re.compile(r"\]\((?!\w+://)([^)#\s]+)")
# A path in the text: from one of the house's folders, or a file by its ending.
PATH = re.compile(
    rf"(?<![\w./{{<-])(?:(?:{'|'.join(FOLDERS)})/[\w./*-]*|[\w./*-]+\.(?:py|md|toml|html))(?:::(?P<test>\w+))?"
)
# The modules that any concept or app may have, named as such.
ANY_MODULE = frozenset(
    f"{name}.py"
    for name in (
        "admin", "api", "apps", "documents", "engine", "errors", "importers", "models", "operations", "queries",
        "rules", "tasks", "urls",
    )
)  # fmt: skip
# A recipe names files that are still to be written by a word in capitals.
TO_BE_WRITTEN = re.compile(r"[A-Z]{3,}")
IMPORT = re.compile(rf"^from ((?:{'|'.join(APPS)})[\w.]*) import (.+)$", re.MULTILINE)
PAGE_WORDS = 450
# Concepts that the design has room for and that are not there yet.
ROOM_FOR = {"requests", "simulation", "gateways", "reports"}


def documents() -> list[Path]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))
    return sorted([*ROOT.glob("*.md"), *(path for path in found if path.is_file())])


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def there(document: Path, path: str) -> bool:
    """From the house or from the document's own folder. What is still to be written has the house's word for it."""
    if path in ANY_MODULE or ROOM_FOR & set(path.split("/")):
        return True
    bases = [ROOT, document.parent]
    if "*" in path:
        return any(list(base.glob(path)) for base in bases)
    return any((base / path).exists() for base in bases)


def paths_in(document: Path) -> Iterator[tuple[str, str | None]]:
    for found in PATH.finditer(document.read_text()):
        path = found[0].partition("::")[0].rstrip(".")
        if TO_BE_WRITTEN.search(path.rpartition(".")[0]) and not path.endswith(".md"):
            path = TO_BE_WRITTEN.split(path)[0].rpartition("/")[0] + "/"
        yield path, found["test"]


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_path_that_is_named_exists(document: Path) -> None:
    assert [path for path, _test in paths_in(document) if not there(document, path)] == []


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_test_that_is_named_exists(document: Path) -> None:
    named = [(path, test) for path, test in paths_in(document) if test]

    assert [(path, test) for path, test in named if f"def {test}(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_import_that_is_shown_works(document: Path) -> None:
    for module, names in IMPORT.findall(document.read_text()):
        for name in names.split(", "):
            assert hasattr(import_module(module), name), f"from {module} import {name}"


@lru_cache
def concepts() -> dict[str, tuple[str, ...]]:
    """By app, as the layers contracts have them, the lowest last."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {
        contract["containers"][0]: tuple(name for layer in contract["layers"] for name in layer.split(" | "))
        for contract in contracts
        if contract["name"] in {f"Inside {app}: concepts" for app in APPS}
    }


def test_the_map_in_the_readme_is_the_house() -> None:
    block = re.search(r"^```text\n(reporting.*?)\n```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    drawn: dict[str, set[str]] = {}
    app = ""
    for line in block[1].splitlines():
        app = line.split()[0] if not line.startswith(" ") else app
        named, _, _told = line.removeprefix(app).strip().partition("  ")
        drawn.setdefault(app, set()).update(named.split())

    assert set(drawn) == {*APPS, "config"}
    for known in APPS:
        assert drawn[known] - ROOM_FOR == set(concepts()[known]) - ROOM_FOR, known


@pytest.mark.parametrize("app", APPS)
def test_an_apps_readme_is_a_page_and_tells_of_its_concepts(app: str) -> None:
    text = (ROOT / app / "README.md").read_text()
    rows = set(re.findall(r"^\| \[?`?(\w+)`?", text, re.MULTILINE))

    assert len(text.split()) <= PAGE_WORDS
    assert set(concepts()[app]) - ROOM_FOR <= rows
    assert [word for word in ("**Owns**", "**Does not own**", "## Locks") if word not in text] == []


@pytest.mark.parametrize("decision", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_every_decision_names_what_holds_it(decision: Path) -> None:
    assert "**Held by**" in decision.read_text()


def test_a_path_that_is_not_there_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`allocation/engine/rates.py`, config/settings.py, tests/meta/test_documents.py::test_nothing,"
        " governance/messages/channels/NAME.py, GET /api/v1/usage, acme/search, application/json, pyproject.toml."
    )

    assert list(paths_in(page)) == [
        ("allocation/engine/rates.py", None),
        ("config/settings.py", None),
        ("tests/meta/test_documents.py", "test_nothing"),
        ("governance/messages/channels/", None),
        ("pyproject.toml", None),
    ]
    assert not there(page, "allocation/engine/rates.py")


def glossary() -> list[tuple[str, str, str]]:
    """Term, meaning, source."""
    told = (ROOT / "docs" / "glossary.md").read_text().partition("## Retired words")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", told, re.MULTILINE)
    return [(term, meaning, source) for term, meaning, source in rows if term != "term"]


def test_the_glossary_holds_each_term_once_in_order_with_its_source() -> None:
    terms = [term for term, _meaning, _source in glossary()]

    assert terms == sorted(set(terms), key=str.lower)
    assert {source for _term, _meaning, source in glossary()} == {
        "FinOps Framework", "FOCUS", "OpenTelemetry GenAI", "accounting", "economics", "ours",
    }  # fmt: skip


def test_the_glossary_holds_every_concept() -> None:
    terms = {term.lower() for term, _meaning, _source in glossary()}
    names = {name.replace("_", " ") for known in concepts().values() for name in known} | ROOM_FOR

    assert {name for name in names if not {name, name.removesuffix("s"), f"{name[:-3]}y"} & terms} == set()

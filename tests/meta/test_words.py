"""The words that docs/glossary.md retires stay out of names and prose."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
APPS = ("governance", "allocation", "budgets", "policies", "reporting", "config")
FOLDERS = (*APPS, "tests", "bench", "docs", "guardrails", "clients")
ITSELF = {"tests/meta/test_words.py", "docs/glossary.md"}
WHAT_WOULD_MOVE = "re-attribution: the published preview calls what would move so"
WHAT_MOVED = "what moved is `movement` on the wire"
# File and word: why it may stand there.
ALLOWED = {
    ("allocation/coverage/engine/moves.py", "movements"): WHAT_WOULD_MOVE,
    ("allocation/coverage/operations.py", "movements"): WHAT_WOULD_MOVE,
    ("allocation/coverage/api/preview.py", "movements"): WHAT_WOULD_MOVE,
    ("allocation/coverage/api/preview.py", "movement"): WHAT_WOULD_MOVE,
    ("allocation/corrections/operations/reattribution.py", "movements"): WHAT_WOULD_MOVE,
    ("allocation/corrections/admin/attribution_pages.py", "movements"): WHAT_WOULD_MOVE,
    ("allocation/management/commands/attribution.py", "movements"): WHAT_WOULD_MOVE,
    ("tests/allocation/coverage/engine/test_moves.py", "movements"): WHAT_WOULD_MOVE,
    ("tests/allocation/attribution_rules.py", "movements"): WHAT_WOULD_MOVE,
    ("tests/allocation/coverage/test_operations.py", "movements"): WHAT_WOULD_MOVE,
    ("tests/allocation/corrections/queries/test_adjustments.py", "movements"): WHAT_WOULD_MOVE,
    ("tests/allocation/corrections/operations/test_reattribution.py", "movements"): WHAT_WOULD_MOVE,
    ("tests/allocation/corrections/operations/test_reattribution.py", "movement"): WHAT_WOULD_MOVE,
    ("allocation/variance/api/variance.py", "movement"): WHAT_MOVED,
    ("allocation/coverage/api/preview.py", "the dearest"): "a text of the published schema",
}
Retired = dict[str, frozenset[str]]


@lru_cache
def retired() -> Retired:
    """Word or phrase → where it may not stand: names, class names, prose."""
    table = GLOSSARY.read_text().partition("## Retired words")[2]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)
    return {word: frozenset(where.split(", ")) for word, where, _say in rows if word != "retired"}


def words_of(name: str) -> list[str]:
    """Of `snake_case` and `CamelCase`, in small letters."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def names_in(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Every identifier, and whether it is a class's."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name):
                yield name, True
            case ast.FunctionDef(name=name) | ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name, False
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield name, False
            case _:
                pass


def retired_names(names: Iterator[tuple[str, bool]]) -> set[str]:
    found = set()
    for name, is_class in names:
        for word in words_of(name):
            where = retired().get(word, frozenset())
            if "names" in where or (is_class and "class names" in where):
                found.add(word)
    return found


def in_one_line(prose: str) -> str:
    return re.sub(r"[\s*`#]+", " ", prose).lower()


def retired_in(prose: str) -> set[str]:
    plain = in_one_line(prose)
    return {
        word
        for word, where in retired().items()
        if "prose" in where and re.search(rf"(?<![\w/-]){re.escape(word)}s?(?![\w/-])", plain)
    }


def prose_in(source: str, tree: ast.AST, *, with_texts: bool) -> str:
    """Comments and docstrings; of the apps every text."""
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    docstrings = [
        ast.get_docstring(node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    return "\n".join([*comments, *(texts if with_texts else docstrings)])


def offences(path: Path) -> set[str]:
    name, source = str(path.relative_to(ROOT)), path.read_text()
    if path.suffix != ".py":
        return retired_in(source)
    in_short = in_one_line(f"{path.stem} {source}")
    if not any(word in in_short for word in retired()):
        return set()
    tree = ast.parse(source)
    in_names = retired_names(iter([*names_in(tree), (path.stem, False)]))
    return in_names | retired_in(prose_in(source, tree, with_texts=name.startswith(APPS)))


def files() -> list[Path]:
    found = [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".md", ".html"} and "migrations" not in path.parts
    ]
    return [path for path in [*sorted(ROOT.glob("*.md")), *found] if str(path.relative_to(ROOT)) not in ITSELF]


def test_no_retired_word_comes_back() -> None:
    found = {(str(path.relative_to(ROOT)), word) for path in files() for word in offences(path)}

    assert sorted(found - ALLOWED.keys()) == []
    assert sorted(ALLOWED.keys() - found) == []


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        pytest.param("class PriceDesk: ...", {"desk"}, id="part of a class's name"),
        pytest.param("def desk_for(key): ...", {"desk"}, id="part of a function's name"),
        pytest.param("f(movement=1)", {"movement"}, id="a keyword"),
        pytest.param("# as the desk finds it", {"desk"}, id="a comment"),
        pytest.param('"""The\n    dearest first."""', {"the dearest"}, id="a phrase over two lines"),
        pytest.param("class _Standing: ...", {"standing"}, id="a class"),
        pytest.param("standing = 1", set(), id="no class"),
        pytest.param("helpdesk = 1  # by the helpdesk", set(), id="part of another word"),
        pytest.param("x = 'GET /api/v1/movement'", set(), id="an address"),
    ],
)
def test_a_retired_word_is_found(source: str, wanted: set[str]) -> None:
    tree = ast.parse(source)

    assert retired_names(names_in(tree)) | retired_in(prose_in(source, tree, with_texts=False)) == wanted


def test_the_table_says_where_and_what_instead() -> None:
    assert {"desk", "shelf", "standing", "movement", "the dearest", "that is none"} <= retired().keys()
    assert {where for known in retired().values() for where in known} == {"names", "class names", "prose"}

"""Every module can be read after what it imports: nothing imports itself, whatever the way round."""

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "reporting", "policies", "budgets", "allocation", "governance")
# A second comment after ruff's says why this import waits until its function runs.
SAYS_WHY = re.compile(r"# noqa: PLC0415\s+# \w")


def sources() -> dict[str, str]:
    """By module; a package goes by the name of its `__init__`."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path.read_text()
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    }


def imports(source: str, known: Mapping[str, str]) -> Iterator[str]:
    """The known modules that are imported, also inside functions and for the type checker alone."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Import | ast.ImportFrom) or SAYS_WHY.search(lines[node.lineno - 1]):
            continue
        package = node.module if isinstance(node, ast.ImportFrom) else None
        for name in node.names:
            inside = f"{package}.{name.name}" if package else name.name
            target = inside if inside in known else package
            if target in known:
                yield str(target)


def packages_above(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def graph(known: Mapping[str, str]) -> dict[str, set[str]]:
    """Each module and what is read before it: what it imports, and the packages that lies in but it does not."""
    found: dict[str, set[str]] = {}
    for module, source in known.items():
        imported = set(imports(source, known))
        above = {package for name in imported for package in packages_above(name)} & known.keys()
        found[module] = (imported | above - packages_above(module)) - {module}
    return found


def cycle(known: Mapping[str, str]) -> list[str]:
    """One, if there is any, from a module back to itself."""
    try:
        TopologicalSorter(graph(known)).prepare()
    except CycleError as problem:
        return list(problem.args[1])
    return []


def test_no_module_imports_itself_by_any_way() -> None:
    assert len(graph(sources())) > 500
    assert cycle(sources()) == []


@pytest.mark.parametrize(
    ("known", "is_cycle"),
    [
        pytest.param({"a": "import b", "b": "import a"}, True, id="two modules"),
        pytest.param({"a": "import b", "b": "def f():\n    import a"}, True, id="inside a function"),
        pytest.param(
            {"a": "import b", "b": "def f():\n    import a  # noqa: PLC0415  # a registers itself in b"},
            False,
            id="inside a function that says why",
        ),
        pytest.param(
            {"a": "import b", "b": "def f():\n    import a  # noqa: PLC0415"}, True, id="inside a function, unexplained"
        ),
        pytest.param({"a": "import b", "b": "if TYPE_CHECKING:\n    import a"}, True, id="for the type checker"),
        pytest.param({"p": "from p.a import A", "p.a": "from p.b import B", "p.b": ""}, False, id="a facade"),
        pytest.param({"p": "from p.a import A", "p.a": "from p import B"}, True, id="its own facade"),
        pytest.param(
            {"p": "from p.a import A", "p.a": "import q", "q": "from p.b import B", "p.b": ""},
            True,
            id="through the package of what is imported",
        ),
    ],
)
def test_a_cycle_is_seen(known: dict[str, str], is_cycle: bool) -> None:
    assert (cycle(known) != []) == is_cycle


def test_nothing_of_ours_is_imported_for_the_type_checker_alone() -> None:
    known = sources()
    hidden = {
        module: ours
        for module, source in known.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        if (ours := list(imports(ast.unparse(node.body), known)))
    }

    assert hidden == {}

"""A name that begins with an underscore is its own module's: no other module imports it or reads it there."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "reporting", "policies", "budgets", "allocation", "governance")
FOLDERS = (*APPS, "bench", "tests", "clients")
# File and name that may stand for now; one that is no longer needed fails.


def module_of(path: Path) -> str:
    """A package goes by the name of its `__init__`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def files() -> dict[str, Path]:
    """By module, migrations left out."""
    return {
        module_of(path): path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    }


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_names(source: str, modules: Collection[str]) -> Iterator[str]:
    """Private names of other modules that a source imports, or reads through a module it has imported."""
    tree = ast.parse(source)
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module in modules:
                bound |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in names}
                yield from (f"{module}.{alias.name}" for alias in names if is_private(alias.name))
            case ast.Import(names=names):
                bound |= {alias.asname: alias.name for alias in names if alias.asname}
            case _:
                pass
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = ast.unparse(node.value)
            module = bound.get(owner, owner)
            if module in modules:
                yield f"{module}.{node.attr}"


def is_tested_by(tests: str, module: str) -> bool:
    """`tests.budgets.plans.engine.test_periods` tests `budgets.plans.engine.periods`."""
    return tests.replace(".test_", ".").removeprefix("tests.") == module


def test_no_module_takes_a_private_name_of_another() -> None:
    modules = files()
    taken = {
        (str(path.relative_to(ROOT)), name)
        for module, path in modules.items()
        for name in private_names(path.read_text(), modules)
        if name.rpartition(".")[0] != module and not is_tested_by(module, name.rpartition(".")[0])
    }

    assert len(modules) > 500
    assert sorted(taken) == []


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        pytest.param("from a.b import _c", ["a.b._c"], id="imported"),
        pytest.param("from a.b import _c as c", ["a.b._c"], id="imported under another name"),
        pytest.param("def f():\n    from a.b import _c", ["a.b._c"], id="inside a function"),
        pytest.param("from a import b\nb._c()", ["a.b._c"], id="read through the module"),
        pytest.param("import a.b as x\nx._c()", ["a.b._c"], id="read through the module's other name"),
        pytest.param("import a.b\na.b._c()", ["a.b._c"], id="read through the whole path"),
        pytest.param("from a.b import c\nc._d", [], id="an attribute of something that is not a module"),
        pytest.param("from a.b import __all__", [], id="a name of Python's own"),
        pytest.param("from elsewhere import _c", [], id="a module of somebody else's"),
    ],
)
def test_a_private_name_is_seen(source: str, wanted: list[str]) -> None:
    assert list(private_names(source, {"a", "a.b"})) == wanted


def test_a_test_may_take_the_private_names_of_the_module_it_tests() -> None:
    assert is_tested_by("tests.budgets.plans.engine.test_periods", "budgets.plans.engine.periods")
    assert not is_tested_by("tests.budgets.plans.engine.test_periods", "budgets.plans.engine.amounts")
    assert not is_tested_by("tests.budgets.conftest", "budgets.plans.engine.periods")

"""The test of a module with rules is found by the module's name.

`app/concept/layer/module.py` has its test in `tests/app/concept/layer/test_module.py`, `app/concept/layer.py` in
`tests/app/concept/test_layer.py`. A package of at most three modules may share `test_<package>.py` beside it.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("governance", "allocation", "budgets", "policies", "reporting")
LAYERS = {"engine", "documents", "rules", "queries", "operations", "importers", "channels", "gateways"}
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.While, ast.Match, ast.Try)
MODULES_THAT_SHARE_A_TEST = 3
FOUND_AT_LEAST = 0.90


def modules() -> list[Path]:
    return [
        path.relative_to(ROOT)
        for app in APPS
        for path in sorted((ROOT / app).glob("*/**/*.py"))
        if path.name not in {"__init__.py", "__main__.py"} and layer_of(path) in LAYERS
    ]


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[2:3][0] if len(path.relative_to(ROOT).parts) > 2 else ""


def has_rules(module: Path) -> bool:
    """Whether a function in it decides, repeats or filters."""
    functions = [node for node in ast.walk(ast.parse((ROOT / module).read_text())) if isinstance(node, ast.FunctionDef)]
    return any(
        isinstance(node, BRANCHES) or (isinstance(node, ast.comprehension) and node.ifs)
        for function in functions
        for node in ast.walk(function)
    )


def places_of(module: Path) -> list[Path]:
    """Where its test may stand."""
    own = Path("tests") / module.parent / f"test_{module.name}"
    package = module.parent
    siblings = [path for path in (ROOT / package).rglob("*.py") if path.name not in {"__init__.py", "__main__.py"}]
    is_layers_own = module.stem in LAYERS
    shared = Path("tests") / package.parent / f"test_{package.name}.py"
    return [own] if is_layers_own or len(siblings) > MODULES_THAT_SHARE_A_TEST else [own, shared]


def holds_tests(path: Path) -> bool:
    return (ROOT / path).exists() and "def test_" in (ROOT / path).read_text()


def test_a_modules_test_is_found_by_its_name() -> None:
    with_rules = [module for module in modules() if has_rules(module)]
    missing = [module for module in with_rules if not any(holds_tests(path) for path in places_of(module))]
    found = 1 - len(missing) / len(with_rules)

    told = f"{found:.1%} of {len(with_rules)} modules; not found:\n" + "\n".join(f"  {module}" for module in missing)
    print(told)  # noqa: T201  # read with -s
    assert found >= FOUND_AT_LEAST, told


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("allocation/prices/engine/rates.py", ["tests/allocation/prices/engine/test_rates.py"]),
        ("allocation/attribution/engine.py", ["tests/allocation/attribution/test_engine.py"]),
        (
            "allocation/attribution/documents/secrets.py",
            [
                "tests/allocation/attribution/documents/test_secrets.py",
                "tests/allocation/attribution/test_documents.py",
            ],
        ),
    ],
)
def test_where_a_modules_test_stands(module: str, tests: list[str]) -> None:
    assert [f"{path}" for path in places_of(Path(module))] == tests

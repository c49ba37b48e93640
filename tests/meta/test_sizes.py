"""No file and no function is longer than a reader can hold."""

import ast
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "reporting", "policies", "budgets", "allocation", "governance")
FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_P99_MAX = 40


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text()
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    }


def functions() -> dict[str, int]:
    """Lines of every function, by file, name and place; a decorator counts for nothing."""
    return {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, source in sources().items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_no_file_is_too_long() -> None:
    lines = {path: len(source.splitlines()) for path, source in sources().items()}

    assert {path: count for path, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    assert {name: count for name, count in functions().items() if count > FUNCTION_LINES_MAX} == {}


def test_few_functions_are_long() -> None:
    assert quantiles(functions().values(), n=100, method="inclusive")[-1] <= FUNCTION_LINES_P99_MAX

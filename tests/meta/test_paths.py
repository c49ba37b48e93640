"""docs/paths.md: its functions exist and call each other, and a path turns back only with a reason."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "paths.md"
TITLES = ["A usage batch", "A dirty scope", "A decision", "A price correction", "An approval"]
LINE = re.compile(
    r"(?P<indent> *)(?P<file>[\w/]+\.py):(?P<function>[\w.]+)(?:  by (?P<setting>[A-Z_]+))?(?:  back: (?P<reason>.+))?"
)


@dataclass(frozen=True, slots=True)
class Step:
    file: str
    function: str
    setting: str | None
    reason: str | None
    caller: "Step | None"

    @property
    def room(self) -> tuple[str, ...]:
        """App and concept; `config` has none."""
        app, *below = Path(self.file).parts
        return (app,) if app == "config" else (app, below[0])

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"


def steps_of(block: str) -> list[Step]:
    steps: list[Step] = []
    above: list[tuple[int, Step]] = []
    for line in block.splitlines():
        read = LINE.fullmatch(line)
        assert read is not None, f"{line!r} is not FILE:FUNCTION, then 'by SETTING' or 'back: reason'"
        indent = len(read["indent"])
        above = [(depth, step) for depth, step in above if depth < indent]
        caller = above[-1][1] if above else None
        step = Step(read["file"], read["function"], read["setting"], read["reason"], caller)
        steps.append(step)
        above.append((indent, step))
    return steps


def blocks(page: str) -> list[list[Step]]:
    return [steps_of(block) for block in re.findall(r"^```text\n(.*?)\n```", page, re.MULTILINE | re.DOTALL)]


def every_step() -> list[Step]:
    return [step for block in blocks(PAGE.read_text()) for step in block]


def turned_back(steps: list[Step]) -> list[Step]:
    """Those that enter a concept from another one although the path has been there before and left it: a call of the
    caller's own concept, or of the concept that the caller called just before, goes on.
    """
    found = []
    for index, step in enumerate(steps):
        before = [each for each in steps[:index] if each.caller is step.caller]
        here = {each.room for each in (step.caller, *before[-1:]) if each is not None}
        if step.caller is not None and step.room not in here and step.room in {each.room for each in steps[:index]}:
            found.append(step)
    return found


Definitions = dict[str, ast.AST]
Imports = dict[str, tuple[str, str]]


@lru_cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


@lru_cache
def definitions(file: str) -> Definitions:
    """Functions, classes, methods and module-level values by name."""
    found: Definitions = {}
    for node in tree_of(file).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}": each for each in node.body if isinstance(each, ast.FunctionDef)}
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node.value for target in targets if isinstance(target, ast.Name)}
    return found


def module_file(module: str) -> str | None:
    path = module.replace(".", "/")
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if (ROOT / file).exists()), None)


@lru_cache
def imports(file: str) -> Imports:
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def defined_in(module: str, name: str) -> str | None:
    """The file that defines what `module` offers under this name, through the facades between."""
    file = module_file(module)
    while file is not None and name not in definitions(file) and name in imports(file):
        module, name = imports(file)[name]
        file = module_file(module)
    return file


def parts_of(step: Step) -> Iterator[ast.AST]:
    """The function, with the functions, classes and values of its own module that it uses, and what its class sets."""
    known = definitions(step.file)
    waiting, seen = [step.function], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        class_name, _, method = name.partition(".")
        if method:
            nodes = [known[name], *(node for node in known[class_name].body if not isinstance(node, ast.FunctionDef))]  # type: ignore[attr-defined]  # a class
            waiting += [base.id for base in known[class_name].bases if isinstance(base, ast.Name)]  # type: ignore[attr-defined]  # a class
        else:
            nodes = [known[name]]
        for node in (each for part in nodes for each in ast.walk(part)):
            yield node
            if isinstance(node, ast.Name):
                waiting.append(node.id)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                waiting.append(f"{class_name}.{node.attr}")


def calls(caller: Step, callee: Step) -> bool:
    name = callee.function.rpartition(".")[2]
    is_method = name != callee.function
    known = imports(caller.file)
    for node in parts_of(caller):
        match node:
            case ast.Name(id=used) if used == name and not is_method:
                if caller.file == callee.file or (used in known and defined_in(*known[used]) == callee.file):
                    return True
            case ast.Attribute(attr=used) if used == name and is_method:
                return True  # of an object whose class is not looked up
            case ast.Attribute(value=ast.Name(id=module), attr=used) if used == name and module in known:
                if defined_in(".".join(known[module]), name) == callee.file:
                    return True
            case _:
                pass
    return False


def test_the_five_paths_are_told() -> None:
    assert re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE) == TITLES
    assert all(len(block) > 2 for block in blocks(PAGE.read_text()))


@pytest.mark.parametrize("step", every_step(), ids=str)
def test_the_function_exists(step: Step) -> None:
    assert (ROOT / step.file).is_file(), f"{step.file} is gone: docs/paths.md"
    assert step.function in definitions(step.file), f"{step} is gone: docs/paths.md"


@pytest.mark.parametrize("step", [step for step in every_step() if step.caller], ids=str)
def test_its_caller_uses_it(step: Step) -> None:
    assert step.caller is not None
    if step.setting is None:
        assert calls(step.caller, step), f"{step.caller} does not use {step}: docs/paths.md"
    else:
        dotted = f"{step.file.removesuffix('.py').replace('/', '.')}.{step.function}"
        assert getattr(settings, step.setting) == dotted
        assert step.setting in (ROOT / step.caller.file).read_text()


def test_a_path_turns_back_only_where_the_page_says_why() -> None:
    turns = [step for block in blocks(PAGE.read_text()) for step in turned_back(block)]

    assert [str(step) for step in turns if step.reason is None] == []
    assert [str(step) for step in every_step() if step.reason and step not in turns] == []


def test_a_path_that_turns_back_is_seen() -> None:
    steps = steps_of(
        "allocation/usage/a.py:first\n"
        "  allocation/prices/b.py:second\n"
        "    allocation/prices/b.py:third\n"
        "  allocation/usage/c.py:returned_to_its_caller\n"
        "  allocation/prices/b.py:again\n"
        "    allocation/usage/a.py:up"
    )

    assert [step.function for step in turned_back(steps)] == ["again", "up"]


def test_an_arrow_that_is_not_there_is_seen() -> None:
    marks, scope = "allocation/usage/operations/watermarks.py", "policies/evaluation/operations/evaluation.py"
    caller = Step(marks, "mark_lineages_dirty", None, None, None)

    assert calls(caller, Step("governance/work/operations/dirty_scopes.py", "mark_scopes_dirty", None, None, caller))
    assert not calls(
        caller, Step("governance/work/operations/dirty_scopes.py", "claim_dirty_scopes", None, None, caller)
    )
    assert not calls(caller, Step(scope, "mark_scopes_dirty", None, None, caller))

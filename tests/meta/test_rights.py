"""Whoever acts is asked for their right by the operation itself, whichever interface it was called from."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import pytest

import allocation
import budgets
import governance
import policies
import reporting
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision

APPS = (governance, allocation, budgets, policies, reporting)
HOUSE = tuple(f"{app.__name__}." for app in APPS)
# Of an `actor`, asked by name.
ASKED = frozenset({"may", "may_change", "sees"})
WRITES = frozenset(
    {
        "save",
        "create",
        "bulk_create",
        "update",
        "bulk_update",
        "delete",
        "execute",
        "copy",
        "get_or_create",
        "update_or_create",
    }
)
WITHOUT_A_RIGHT_OF_ITS_OWN = {
    "governance.records.operations.record_decision": "It records what an operation has decided, refusals among it.",
    "governance.records.operations.record_decisions": "As record_decision, several at once.",
    "governance.documents.operations.record_version": "It records the version that an operation has applied.",
    "allocation.corrections.operations.adjustments.begin_run": "Price or attribution: whoever begins a run has asked.",
    "budgets.approvals.operations.grants.change_funding": "Part of granting and approving, which ask who decides.",
}


def modules() -> Iterator[ModuleType]:
    for app in APPS:
        for found in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if "operations" in found.name.split("."):
                yield importlib.import_module(found.name)


def name_of(function: FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def operations() -> dict[str, FunctionType]:
    """Public functions of operations that somebody acts in."""
    found = {}
    for module in modules():
        for name, value in vars(module).items():
            function = inspect.unwrap(value) if callable(value) else value
            if (
                isinstance(function, FunctionType)
                and function.__module__ == module.__name__
                and not name.startswith("_")
                and "actor" in inspect.signature(function).parameters
            ):
                found[name_of(function)] = function
    return found


def _tree(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


@cache
def called(function: FunctionType) -> tuple[FunctionType, ...]:
    """Functions of the house that it names, itself among them, and what those name."""
    found = {function: None}
    waiting = [function]
    while waiting:
        for each in _named(waiting.pop()):
            if each not in found:
                found[each] = None
                waiting.append(each)
    return tuple(found)


def _named(function: FunctionType) -> Iterator[FunctionType]:
    for node in ast.walk(_tree(function)):
        value: Any = None
        if isinstance(node, ast.Name):
            value = function.__globals__.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = function.__globals__.get(node.value.id)
            value = getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
        unwrapped = inspect.unwrap(value) if callable(value) else value
        if isinstance(unwrapped, FunctionType) and unwrapped.__module__.startswith(HOUSE):
            yield unwrapped


def methods(function: FunctionType) -> Iterator[ast.Attribute]:
    for node in ast.walk(_tree(function)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func


def writes(function: FunctionType) -> bool:
    return any(method.attr in WRITES for each in called(function) for method in methods(each))


def asks(function: FunctionType) -> bool:
    """It calls a rule about an actor, or asks the actor."""
    return any(_is_rule(each) or any(map(_of_actor, methods(each))) for each in called(function))


def _is_rule(function: FunctionType) -> bool:
    return "rules" in function.__module__.split(".") and "actor" in inspect.signature(function).parameters


def _of_actor(method: ast.Attribute) -> bool:
    return method.attr in ASKED and isinstance(method.value, ast.Name) and method.value.id == "actor"


def test_every_operation_that_changes_something_asks_for_the_right() -> None:
    found = operations()
    assert len(found) > 40
    without = {name for name, function in found.items() if writes(function) and not asks(function)}
    assert without == set(WITHOUT_A_RIGHT_OF_ITS_OWN)


def asking(*, actor: Actor) -> None:
    check_may_change(actor, "governance.scope", "acme")
    record(actor=actor)


def record(*, actor: Actor) -> None:
    record_decision(actor=actor)  # type: ignore[call-arg]  # never called


def asking_itself(*, actor: Actor) -> None:
    assert actor.may_change("governance.scope", "acme")


def reading(*, actor: Actor) -> str:
    return actor.label


@pytest.mark.parametrize(
    ("function", "wanted"),
    [(asking, (True, True)), (record, (True, False)), (asking_itself, (False, True)), (reading, (False, False))],
)
def test_what_is_seen_of_a_function(
    function: Callable[..., object], wanted: tuple[bool, bool], monkeypatch: Any
) -> None:
    assert isinstance(function, FunctionType)
    monkeypatch.setattr(f"{__name__}.HOUSE", (*HOUSE, "tests."))
    assert (writes(function), asks(function)) == wanted

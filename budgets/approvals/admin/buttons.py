"""Unfold's decorators of buttons and labels, given types."""

from collections.abc import Callable
from typing import Any, TypeVar

from unfold.decorators import action, display

Method = TypeVar("Method", bound=Callable[..., Any])


def button(**options: Any) -> Callable[[Method], Method]:
    """A button above one budget: Unfold's decorator, given a type."""
    decorate: Callable[[Method], Method] = action(permissions=["decide"], **options)
    return decorate


def badge(**options: Any) -> Callable[[Method], Method]:
    """A coloured label in a list: Unfold's decorator, given a type."""
    decorate: Callable[[Method], Method] = display(**options)
    return decorate

"""Posting usage to the ledger that the settings name: `allocation` does not import budgets."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from allocation.usage.engine.reserved import ReservedUsage
from allocation.usage.engine.roll_ups import UsagePosting
from governance.statements.operations import Message, one_message


def post_to_ledger(
    postings: Sequence[UsagePosting],
    at: datetime,
    reserved: Sequence[ReservedUsage] = (),
    *,
    beside: Callable[[Message], None] | None = None,
) -> set[int]:
    """Calls USAGE_POSTING with the postings and returns the scopes that are to be evaluated at once, since a budget of
    theirs is a step fuller; does nothing without that setting. Where some of it names its `reserved` reservation
    USAGE_SETTLING, which posts it and settles these. `beside` asks more of the message by which it charges, or of one
    of its own where nothing is charged.
    """
    settle = function_named("USAGE_SETTLING") if reserved else None
    post = function_named("USAGE_POSTING") if settle is None else partial(settle, reserved=reserved)
    asked: list[Message] = []

    def ask_beside(message: Message) -> None:
        if beside is not None:
            beside(message)
        asked.append(message)

    crossed: set[int] = set() if post is None else post(postings=postings, at=at, beside=ask_beside)
    if beside is not None and not asked:
        with one_message() as message:
            beside(message)
    return crossed


def function_named(setting: str) -> Callable[..., Any] | None:
    """What the setting names, of a part that this one does not import; None without it. ImportError when it is not
    there.
    """
    path = getattr(settings, setting, "")
    return _imported(path) if path else None


@lru_cache
def _imported(path: str) -> Callable[..., Any]:
    function: Callable[..., Any] = import_string(path)
    return function

"""Posting usage to the ledger that the settings name: `allocation` does not import budgets."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from allocation.usage.engine.reserved import ReservedUsage
from allocation.usage.engine.roll_ups import UsagePosting
from governance.statements.operations import Message, one_message


class AskedAccounts(Protocol):
    """Accounts that usage is charged to, which the message asks for that records it."""

    def ask(self, message: Message) -> None:
        """By this message, which began after it was made."""


def accounts_asked(days: set[date]) -> AskedAccounts | None:
    """What USAGE_ACCOUNTS names, for usage of these days; None without that setting."""
    named = function_named("USAGE_ACCOUNTS")
    return None if named is None else named(days)


def post_to_ledger(
    postings: Sequence[UsagePosting],
    at: datetime,
    reserved: Sequence[ReservedUsage] = (),
    *,
    beside: Callable[[Message], None] | None = None,
    accounts: AskedAccounts | None = None,
) -> set[int]:
    """Calls USAGE_POSTING with the postings and returns the scopes that are to be evaluated at once, since a budget of
    theirs is a step fuller; does nothing without that setting. Some of it may name its `reserved` reservation. `beside`
    asks more of the message by which it charges, or of one of its own where nothing is charged. `accounts` were asked
    for by an earlier message of the transaction.
    """
    post = function_named("USAGE_POSTING")
    asked: list[Message] = []

    def ask_beside(message: Message) -> None:
        if beside is not None:
            beside(message)
        asked.append(message)

    crossed: set[int] = set()
    if post is not None:
        crossed = post(postings=postings, reserved=reserved, at=at, beside=ask_beside, accounts=accounts)
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

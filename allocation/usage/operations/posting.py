"""Posting usage to the ledger that the settings name: `allocation` does not import budgets."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from allocation.usage.engine.roll_ups import UsagePosting


def post_to_ledger(postings: Sequence[UsagePosting], at: datetime) -> set[int]:
    """Calls USAGE_POSTING with the postings and returns the scopes that are to be evaluated at once, since a budget of
    theirs is a step fuller; does nothing without that setting.
    """
    post = _posting()
    return set() if post is None else post(postings=postings, at=at)


def _posting() -> Callable[..., set[int]] | None:
    path = getattr(settings, "USAGE_POSTING", "")
    return _imported(path) if path else None


@lru_cache
def _imported(path: str) -> Callable[..., set[int]]:
    post: Callable[..., set[int]] = import_string(path)
    return post

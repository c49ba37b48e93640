"""Posting usage to the ledger that the settings name: `allocation` does not import budgets."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from allocation.usage.engine.roll_ups import Key, Sums, postings


def post_to_ledger(days: dict[Key, Sums], at: datetime) -> None:
    """Calls USAGE_POSTING with the postings of the days' sums; does nothing without that setting."""
    post = _posting()
    if post is not None:
        post(postings=postings(days), at=at)


def _posting() -> Callable[..., object] | None:
    path = getattr(settings, "USAGE_POSTING", "")
    return _imported(path) if path else None


@lru_cache
def _imported(path: str) -> Callable[..., object]:
    post: Callable[..., object] = import_string(path)
    return post

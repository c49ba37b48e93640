"""Usage is posted to the ledger of whoever the settings name: `allocation` knows no budgets."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from allocation.usage.engine.roll_ups import Key, Sums, postings


def post_to_ledger(days: dict[Key, Sums], at: datetime) -> None:
    post = _posting()
    if post is not None:
        post(postings=postings(days), at=at)


def _posting() -> Callable[..., object] | None:
    path = getattr(settings, "USAGE_POSTING", "")
    return _imported(path) if path else None


@lru_cache
def _imported(path: str) -> Callable[..., object]:
    found: Callable[..., object] = import_string(path)
    return found

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from allocation.usage.engine.roll_ups import UsagePosting
from allocation.usage.operations.posting import post_to_ledger
from tests.allocation.conftest import AT

TOLD = [UsagePosting(7, date(2026, 11, 24), Decimal("5E-9"), 0, 1, Decimal(0))]
posted: list[tuple[Any, Any]] = []


def post(*, postings: Any, at: Any, **_: Any) -> set[int]:
    posted.append((postings, at))
    return {7}


@pytest.fixture(autouse=True)
def _nothing_posted() -> None:
    posted.clear()


def test_what_the_settings_name_is_told_of_the_days(settings: Any) -> None:
    settings.USAGE_POSTING = f"{post.__module__}.post"
    assert post_to_ledger(TOLD, AT) == {7}
    assert posted == [(TOLD, AT)]


def test_without_a_ledger_nobody_is_told(settings: Any) -> None:
    settings.USAGE_POSTING = ""
    assert post_to_ledger(TOLD, AT) == set()
    assert posted == []


def test_a_ledger_that_is_not_there_is_an_error_and_no_usage_unposted(settings: Any) -> None:
    settings.USAGE_POSTING = "nowhere.post"
    with pytest.raises(ImportError):
        post_to_ledger(TOLD, AT)

from collections.abc import Iterator
from datetime import timedelta

import pytest

from governance.sign_in.models import SignInTries
from governance.sign_in.operations import (
    FAILURES_MAX,
    STRANGERS_MAX,
    WITHIN,
    Lane,
    TooMany,
    Try,
    account_of,
    begin_try,
    note_success,
)
from tests.conftest import AT
from tests.governance.conftest import at_once

SECOND = timedelta(seconds=1)
HOME = Lane("address 1.2.3.4", "1.2.3.4", is_known=False)
KNOWN = Lane("browser 7", "1.2.3.4", is_known=True)


@pytest.fixture
def _forgotten(transactional_db: None) -> Iterator[None]:
    yield
    SignInTries.objects.all().delete()


@pytest.mark.usefixtures("_forgotten")
def test_processes_that_try_at_once_get_no_more_tries_together() -> None:
    tried = at_once(lambda _: begin_try(account="ada", lane=HOME, at=AT), 12)
    let_through = sorted(one.count for one in tried if isinstance(one, Try))
    assert let_through == list(range(1, FAILURES_MAX + 1))
    assert {one for one in tried if isinstance(one, TooMany)} == {TooMany(AT + WITHIN)}


@pytest.mark.django_db
def test_who_signs_in_begins_anew_and_others_do_not() -> None:
    other = Lane("address 9.9.9.9", "9.9.9.9", is_known=False)
    for _ in range(2):
        assert isinstance(begin_try(account="ada", lane=other, at=AT), Try)
    for _ in range(3):
        tried = begin_try(account="ada", lane=HOME, at=AT)
        assert isinstance(tried, Try)
    note_success(tried)
    rows = SignInTries.objects.order_by("lane").values_list("lane", "count")
    assert list(rows) == [("", 2), ("address 9.9.9.9", 2)]
    assert begin_try(account="ada", lane=HOME, at=AT) == Try("ada", HOME, 1, 3)


@pytest.mark.django_db
def test_a_known_browser_counts_for_itself_alone() -> None:
    tried = begin_try(account="ada", lane=KNOWN, at=AT)
    assert tried == Try("ada", KNOWN, 1, 0)
    assert not SignInTries.objects.filter(lane="").exists()


@pytest.mark.django_db
def test_when_to_try_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [begin_try(account="ada", lane=HOME, at=AT + number * SECOND) for number in range(FAILURES_MAX + 1)]
    assert tried[-1] == TooMany(AT + WITHIN)
    assert isinstance(begin_try(account="ada", lane=HOME, at=AT + WITHIN), Try)


@pytest.mark.django_db
def test_names_that_nobody_has_fill_no_table() -> None:
    for number in range(STRANGERS_MAX):
        begin_try(account=f"nobody-{number}", lane=HOME, at=AT)
    begin_try(account="ada", lane=HOME, at=AT + WITHIN)
    assert set(SignInTries.objects.values_list("account", flat=True)) == {"ada"}


def test_an_account_is_counted_under_one_name_however_it_is_written() -> None:
    assert {account_of(name) for name in (" Ada@Example.com", "ada@example.com\0")} == {"ada@example.com"}
    assert len(account_of("a" * 10_000)) == 254

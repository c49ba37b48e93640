from collections import Counter
from datetime import timedelta
from itertools import chain

import pytest
from django.db import connection

from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from governance.work.operations import WhichDirty, claim_dirty_scopes, mark_scopes_dirty, settle_dirty_scopes
from tests.governance.conftest import AT, SYSTEM, at_once

SECOND = timedelta(seconds=1)


MOMENT = timedelta(milliseconds=100)


def test_marks_are_claimed_longest_dirty_first_and_settled(search: Scope, ranker: Scope) -> None:
    mark_scopes_dirty(scope_ids=[ranker.pk], at=AT)
    mark_scopes_dirty(scope_ids=[search.pk, ranker.pk], at=AT + SECOND)
    (claim,) = claim_dirty_scopes(limit=1, at=AT + 2 * SECOND)
    assert (claim.scope_id, claim.generation, claim.dirty_since) == (ranker.pk, 2, AT)
    assert [claim.scope_id for claim in claim_dirty_scopes(limit=9, at=AT + 2 * SECOND)] == [search.pk]
    assert settle_dirty_scopes(claims=[claim], at=AT) == 1
    assert list(DirtyScope.objects.values_list("scope_id", flat=True)) == [search.pk]


def test_no_more_are_claimed_than_asked_for_whatever_way_the_database_takes(
    acme: Scope, search: Scope, ranker: Scope
) -> None:
    mark_scopes_dirty(scope_ids=[acme.pk, search.pk, ranker.pk], at=AT)
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    assert [len(claim_dirty_scopes(limit=limit, at=AT)) for limit in (1, 1, 2)] == [1, 1, 1]


def test_a_mark_during_an_evaluation_outlives_it(search: Scope) -> None:
    mark_scopes_dirty(scope_ids=[search.pk], at=AT)
    claims = claim_dirty_scopes(limit=9, at=AT)
    mark_scopes_dirty(scope_ids=[search.pk], at=AT + SECOND)
    assert claim_dirty_scopes(limit=9, at=AT + SECOND) == ()
    assert settle_dirty_scopes(claims=claims, at=AT + SECOND) == 0
    (again,) = claim_dirty_scopes(limit=9, at=AT + SECOND)
    assert (again.generation, again.dirty_since) == (2, AT + SECOND)
    assert settle_dirty_scopes(claims=[again], at=AT + SECOND) == 1


def test_a_dead_evaluators_claim_comes_due_and_its_late_settling_changes_nothing(search: Scope) -> None:
    mark_scopes_dirty(scope_ids=[search.pk], at=AT)
    dead = claim_dirty_scopes(limit=9, at=AT, lease=10 * SECOND)
    assert claim_dirty_scopes(limit=9, at=AT + 9 * SECOND) == ()
    alive = claim_dirty_scopes(limit=9, at=AT + 10 * SECOND)
    assert len(alive) == 1
    assert settle_dirty_scopes(claims=dead, at=AT + 11 * SECOND) == 0
    assert settle_dirty_scopes(claims=alive, at=AT + 11 * SECOND) == 1
    mark_scopes_dirty(scope_ids=[search.pk], at=AT + 12 * SECOND)
    assert settle_dirty_scopes(claims=[*dead, *alive], at=AT + 12 * SECOND) == 0
    assert DirtyScope.objects.count() == 1


AT_ONCE = WhichDirty(at_once=True)


def test_what_can_wait_is_not_claimed_at_once(search: Scope, ranker: Scope) -> None:
    mark_scopes_dirty(scope_ids=[search.pk], at=AT, can_wait=True)
    assert claim_dirty_scopes(limit=9, at=AT, which=AT_ONCE) == ()
    mark_scopes_dirty(scope_ids=[ranker.pk], at=AT + SECOND)
    assert [claim.scope_id for claim in claim_dirty_scopes(limit=9, at=AT + SECOND, which=AT_ONCE)] == [ranker.pk]
    assert [claim.scope_id for claim in claim_dirty_scopes(limit=9, at=AT + SECOND)] == [search.pk]


def test_what_cannot_wait_any_more_never_waits_again_before_it_is_evaluated(search: Scope) -> None:
    for can_wait in (True, False, True):
        mark_scopes_dirty(scope_ids=[search.pk], at=AT, can_wait=can_wait)
    claims = claim_dirty_scopes(limit=9, at=AT, which=AT_ONCE)
    assert len(claims) == 1
    mark_scopes_dirty(scope_ids=[search.pk], at=AT, can_wait=True)
    assert settle_dirty_scopes(claims=claims, at=AT) == 0
    assert claim_dirty_scopes(limit=9, at=AT, which=AT_ONCE) == ()
    mark_scopes_dirty(scope_ids=[search.pk], at=AT)
    assert len(claim_dirty_scopes(limit=9, at=AT, which=AT_ONCE)) == 1


def test_what_was_marked_later_is_left_out(search: Scope, ranker: Scope) -> None:
    mark_scopes_dirty(scope_ids=[search.pk], at=AT)
    mark_scopes_dirty(scope_ids=[ranker.pk], at=AT + SECOND)
    claims = claim_dirty_scopes(limit=9, at=AT + 2 * SECOND, which=WhichDirty(marked_by=AT))
    assert [claim.scope_id for claim in claims] == [search.pk]


@pytest.mark.django_db(transaction=True)
def test_claimers_at_once_share_the_work_and_overlap_in_none() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    ids = [create_scope(slug=f"t{n}", kind="team", parent=acme, actor=SYSTEM, at=AT).pk for n in range(40)]
    mark_scopes_dirty(scope_ids=ids, at=AT)
    claimed = at_once(lambda _: [claim.scope_id for claim in claim_dirty_scopes(limit=10, at=AT)], 8)
    assert sorted(chain.from_iterable(claimed)) == ids


@pytest.mark.django_db(transaction=True)
def test_markers_and_evaluators_at_once_lose_no_mark_and_never_deadlock() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    ids = [create_scope(slug=f"t{n}", kind="team", parent=acme, actor=SYSTEM, at=AT).pk for n in range(10)]

    def marked(number: int) -> Counter[int]:
        for _ in range(25):
            mark_scopes_dirty(scope_ids=ids if number == 1 else reversed(ids), at=AT)
        return Counter()

    def evaluated(_number: int) -> Counter[int]:
        """How many marks each scope's settled claims stood for: a settled generation counts all since the last."""
        settled: Counter[int] = Counter()
        for turn in range(100):
            claims = claim_dirty_scopes(limit=1, at=AT + turn * MOMENT)
            if settle_dirty_scopes(claims=claims, at=AT):
                settled[claims[0].scope_id] += claims[0].generation
        return settled

    done = at_once(lambda number: marked(number) if number % 2 else evaluated(number), 6)
    left = Counter(dict(DirtyScope.objects.values_list("scope_id", "generation")))
    assert sum(done, start=left) == Counter(dict.fromkeys(ids, 3 * 25))

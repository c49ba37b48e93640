"""What is replaced is replaced whole, and nothing is left of what is gone."""

from dataclasses import replace

from policies.decisions.engine.decisions import HeldConstraint
from policies.decisions.engine.snapshot import ScopeLine, Snapshot
from policies.guardrails.engine.constraint_kinds import Block
from tests.conftest import AT


def line(number: int, parent: int | None, path: str) -> ScopeLine:
    return ScopeLine(number, parent, path, "standard")


def held(number: int, scope_id: int) -> HeldConstraint:
    return HeldConstraint(number, scope_id, "g", "s", Block(), "", None, None, "", AT, "")


def test_two_scopes_may_exchange_their_paths() -> None:
    snapshot = Snapshot()
    snapshot.put_scopes([line(1, None, "acme"), line(2, 1, "acme/a"), line(3, 1, "acme/b")])
    snapshot.put_scopes([line(2, 1, "acme/b"), line(3, 1, "acme/a")])
    assert {path: found.id for path, found in snapshot.by_path.items()} == {"acme": 1, "acme/a": 3, "acme/b": 2}
    snapshot.drop_scopes([2, 9])
    assert {path: found.id for path, found in snapshot.by_path.items()} == {"acme": 1, "acme/a": 3}


def test_a_lineage_ends_even_where_two_scopes_seem_to_lie_below_each_other() -> None:
    snapshot = Snapshot()
    snapshot.put_scopes([line(1, 2, "acme/a"), line(2, 1, "acme/a/b")])
    assert [found.id for found in snapshot.lineage(snapshot.scopes[2])] == [2, 1, 2]


def test_constraints_stand_on_their_scope_in_the_order_of_their_ids() -> None:
    snapshot = Snapshot()
    snapshot.put_constraints([held(3, 1), held(1, 1), held(2, 5)])
    snapshot.put_constraints([held(2, 1), replace(held(3, 1), reason="changed")])
    assert snapshot.by_scope == {1: (held(1, 1), held(2, 1), replace(held(3, 1), reason="changed"))}
    snapshot.drop_constraints([1, 3, 99])
    assert (snapshot.by_scope, set(snapshot.constraints)) == ({1: (held(2, 1),)}, {2})
    snapshot.drop_constraints([2])
    assert snapshot.by_scope == {}

from typing import Any

import pytest

from governance.documents.operations import DIFFERENCES_SHOWN, differences, organisation_of, scopes_at
from governance.errors import NotFound
from governance.scopes.models import Scope


@pytest.mark.parametrize("locked", [False, True])
def test_an_organisation_is_found_by_its_name_and_a_part_of_one_is_none(
    acme: Scope, search: Scope, locked: bool
) -> None:
    assert organisation_of("acme", locked=locked) == acme
    for path in ("globex", "acme/search"):
        with pytest.raises(NotFound, match=f"no organisation {path}; apply its Scope document first") as refused:
            organisation_of(path, locked=locked)
        assert refused.value.code == "scope_unknown"


def test_scopes_are_found_by_their_paths_or_the_first_missing_one_is_named(acme: Scope, search: Scope) -> None:
    assert scopes_at(["acme/search", "acme", "acme"]) == {"acme": acme, "acme/search": search}
    assert scopes_at([]) == {}
    with pytest.raises(NotFound, match="no scope acme/ads;"):
        scopes_at(["acme", "acme/none", "acme/ads"])


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, ("b: 2 → 3",), id="a changed field"),
        pytest.param({"a": 1}, {"b": 1}, ("a: 1 → None", "b: None → 1"), id="a field that left and one that came"),
        pytest.param(
            {"rules": [{"x": 1}, {"x": 2}]},
            {"rules": [{"x": 2}, {"x": 3, "y": 4}]},
            ("- x=1", "+ x=3, y=4"),
            id="entries one by one",
        ),
        pytest.param(
            {"rules": [{"x": 1, "y": 2}]}, {"rules": [{"y": 2, "x": 1}], "z": 0}, ("z: None → 0",),
            id="the order of an entry's fields says nothing",
        ),
        pytest.param(
            {"rules": [{"x": 1}, {"x": 2}]}, {"rules": [{"x": 2}, {"x": 1}]}, ("rules: other order",),
            id="the order of entries is told",
        ),
    ],
)  # fmt: skip
def test_differences_name_what_left_and_what_came(
    before: dict[str, Any], after: dict[str, Any], told: tuple[str, ...]
) -> None:
    assert differences(before, after, "rules") == told


def test_of_many_differences_the_first_are_told_and_the_rest_counted() -> None:
    after = {"rules": [{"n": number} for number in range(DIFFERENCES_SHOWN + 7)]}
    told = differences({"rules": []}, after, "rules")
    assert (len(told), told[0], told[-1]) == (DIFFERENCES_SHOWN + 1, "+ n=0", "… and 7 more")

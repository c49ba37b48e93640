"""What a question may say."""

import pytest

from governance.errors import Invalid
from policies.decisions.documents import PlannedCall, question_of


def test_team_and_keys_names_are_attributes_of_the_call() -> None:
    asked = question_of({"model": "o3", "team": "ads", "key_hash": "f" * 64, "attributes": {"stage": "prod"}})
    assert asked.call == PlannedCall("o3", attributes={"stage": "prod", "team": "ads", "key_hash": "f" * 64})


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        question_of({"model": "", "scop": "acme", "attributes": {"a": 1}})
    assert (refused.value.code, {fault["field"]: fault["code"] for fault in refused.value.extra["errors"]}) == (  # type: ignore[attr-defined]
        "validation_failed", {"model": "string_too_short", "attributes.a": "string_type", "scop": "unknown_field"},
    )  # fmt: skip


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_what_is_no_object_asks_nothing(value: object) -> None:
    with pytest.raises(Invalid):
        question_of(value)

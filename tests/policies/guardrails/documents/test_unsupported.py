import pytest
from pydantic import BaseModel, ValidationError

from policies.guardrails.documents.unsupported import LATER_KINDS, later


class Body(BaseModel):
    kept: int = 0

    _refused = later("waivers", "schedule")


def test_what_comes_later_is_refused_by_its_name_before_any_other_check() -> None:
    with pytest.raises(ValidationError, match="`schedule` is not supported in this version; remove it") as refused:
        Body.model_validate({"kept": "no number", "schedule": {}})
    assert refused.value.error_count() == 1
    with pytest.raises(ValidationError, match="`waivers` is not supported"):
        Body.model_validate({"schedule": 1, "waivers": None})


def test_everything_else_is_checked_as_ever() -> None:
    assert Body.model_validate({"kept": 1}).kept == 1
    with pytest.raises(ValidationError, match="valid integer"):
        Body.model_validate({"kept": "schedule"})
    with pytest.raises(ValidationError, match="valid dictionary"):
        Body.model_validate("schedule")


def test_a_kind_that_comes_later_says_what_to_do_instead() -> None:
    assert all(LATER_KINDS.values())

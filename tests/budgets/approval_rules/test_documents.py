from typing import Any

import pytest
from pydantic import ValidationError

from budgets.approval_rules.documents import ApprovalSpec

STEPS = [{"right": "approve_budget"}]
AWAY = {
    "instead_of": "fay@example.com", "to": "sam@example.com", "starts_on": "2026-11-24", "ends_on": "2026-11-26",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"amount": {"above": "10"}}, "`amount` is of one unit: give `unit`"),
        ({"unit": "money", "amount": {}}, "needs `above`, `up_to` or both"),
        ({"unit": "money", "amount": {"above": "10", "up_to": "9"}}, "`above` must be less than `up_to`"),
        ({"unit": "money", "amount": {"above": 10}}, "is quoted, so that it is exact"),
        ({"percent_of_budget": {"above": 20, "up_to": 20}}, "`above` must be less than `up_to`"),
        ({"percent_of_parent": {"above": -1}}, "greater than or equal to 0"),
        ({"own_reserve": True}, "`own_reserve` is of a team: give `scope`"),
        ({"own_reserve": True, "scope": "acme/search", "percent_of_budget": {"above": 3}}, "needs a threshold"),
        ({"scope": "globex"}, "globex lies outside acme"),
        ({"scope": "acme/search", "steps": [{"right": "approve_budget", "at": "acme/ads"}]}, "not acme/ads"),
        ({"steps": []}, "at least 1 item"),
        ({"steps": [{"people": 2}]}, "needs `persona`, `right` or both"),
        ({"steps": [{"persona": "finance", "people": 0}]}, "greater than or equal to 1"),
        ({"steps": [{"persona": "boss"}]}, "'engineering', 'finance', 'finops' or 'platform'"),
        ({"name": "same"}, "two rules are named same"),
    ],
    ids=str,
)
def test_what_no_request_could_be_decided_by_is_refused(rule: dict[str, Any], problem: str) -> None:
    rules = [{"name": "same", "steps": STEPS}, {"name": "other", "steps": STEPS, **rule}]
    with pytest.raises(ValidationError, match=problem):
        ApprovalSpec.model_validate({"organisation": "acme", "rules": rules})


def test_the_scopes_that_are_named_are_each_named_once() -> None:
    rules = [
        {"name": "a", "scope": "acme/search", "steps": [{"persona": "finance", "at": "acme"}]},
        {"name": "b", "scope": "acme/search", "steps": STEPS},
    ]
    assert ApprovalSpec.model_validate({"organisation": "acme", "rules": rules}).scopes == ("acme/search", "acme")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"when_late": {"remind_after_hours": 4}}, "counts hours of work: give `working_time`"),
        ({"working_time": {"time_zone": "Berlin"}}, "there is no time zone 'Berlin'"),
        ({"working_time": {"time_zone": "UTC", "begins": "17:00"}}, "`begins` must lie before `ends`"),
        ({"working_time": {"time_zone": "UTC", "ends": 1020}}, "is quoted, so that it is a clock"),
        ({"working_time": {"time_zone": "UTC", "days": []}}, "at least 1 item"),
        ({"working_time": {"time_zone": "UTC"}, "when_late": {}}, "needs `remind_after_hours`"),
        ({"working_time": {"time_zone": "UTC"}, "when_late": {"escalate_after_hours": 4}}, "belong together"),
        (
            {
                "working_time": {"time_zone": "UTC"},
                "when_late": {
                    "remind_after_hours": 4, "escalate_after_hours": 4, "escalate_to": {"persona": "finance"}
                },
            },
            "`remind_after_hours` must be less",
        ),
        ({"stand_ins": [AWAY | {"to": "fay@example.com"}]}, "nobody stands in for themselves"),
        ({"stand_ins": [AWAY | {"ends_on": "2026-11-24"}]}, "`ends_on` lies after `starts_on`"),
        ({"stand_ins": [AWAY | {"ends_on": "2027-02-23"}]}, "within 90 days"),
        ({"stand_ins": [AWAY | {"scope": "globex"}]}, "globex lies outside acme"),
        ({"stand_ins": [{"instead_of": "fay@example.com", "to": "sam@example.com"}]}, "Field required"),
    ],
    ids=str,
)  # fmt: skip
def test_hours_and_absences_that_make_no_sense_are_refused(spec: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ApprovalSpec.model_validate({"organisation": "acme", **spec})

from datetime import UTC, datetime

import pytest

from budgets.approval_rules.documents import ApprovalSpec
from budgets.approval_rules.engine.lateness import Said, due, escalated_to

SPEC = ApprovalSpec.model_validate({
    "organisation": "acme", "working_time": {"time_zone": "UTC"},
    "when_late": {"remind_after_hours": 4, "escalate_after_hours": 10, "escalate_to": {"persona": "finance"}},
})  # fmt: skip


def at(day: int, hour: int) -> datetime:
    """In November 2026; the 24th is a Tuesday."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


SUBMITTED = Said("submitted", at(24, 12))


@pytest.mark.parametrize(
    ("said", "now", "wanted"),
    [
        ([SUBMITTED], at(24, 15), None),
        ([SUBMITTED], at(24, 16), "remind"),
        ([SUBMITTED, Said("reminded", at(24, 16))], at(25, 12), None),
        ([SUBMITTED, Said("reminded", at(24, 16))], at(25, 14), "escalate"),
        # The clock has stood still: whom it is escalated to is told, nobody is reminded any more.
        ([SUBMITTED], at(30, 14), "escalate"),
        ([SUBMITTED, Said("escalated", at(25, 14))], at(30, 14), None),
        # After a question the team is waited for, and after its answer the approvers are again.
        ([SUBMITTED, Said("question", at(24, 13))], at(30, 14), None),
        ([SUBMITTED, Said("question", at(24, 13)), Said("answer", at(30, 9))], at(30, 12), None),
        ([SUBMITTED, Said("reminded", at(24, 16)), Said("question", at(24, 16)), Said("answer", at(30, 9))],
         at(30, 13), "remind"),
        # So are those of the next step, after an agreement.
        ([SUBMITTED, Said("escalated", at(25, 14)), Said("agreed", at(25, 15))], at(26, 11), "remind"),
        ([], at(30, 14), None),
    ],
)  # fmt: skip
def test_each_is_due_once_while_approvers_are_waited_for(said: list[Said], now: datetime, wanted: str | None) -> None:
    assert due(SPEC, said, at=now) == wanted


def test_without_hours_nobody_is_late() -> None:
    assert due(ApprovalSpec.model_validate({"organisation": "acme"}), [SUBMITTED], at=at(30, 14)) is None
    only = {"remind_after_hours": 4}
    spec = SPEC.model_validate(SPEC.model_dump() | {"when_late": only})
    assert due(spec, [SUBMITTED, Said("reminded", at(24, 16))], at=at(30, 14)) is None


def test_those_it_is_escalated_to_may_agree_until_somebody_has() -> None:
    escalated = [SUBMITTED, Said("escalated", at(25, 14)), Said("question", at(25, 15)), Said("answer", at(25, 16))]
    assert SPEC.when_late is not None
    assert [
        escalated_to(SPEC.when_late, said)
        for said in ([SUBMITTED], escalated, [*escalated, Said("agreed", at(25, 17))])
    ] == [None, SPEC.when_late.escalate_to, None]  # fmt: skip

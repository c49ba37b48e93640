from typing import Any

import pytest

from governance.messages.channels import DecisionForm, Envelope, Message, slack
from governance.messages.channels.slack_forms import Pressed, form_blocks, pressed
from tests.governance.conftest import AT, message

PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "fay"},
    "team": {"id": "T1"},
    "response_url": "https://hooks.slack.com/actions/T1/1/x",
    "state": {
        "values": {
            "weir_words": {"line": {"type": "plain_text_input", "value": "It pays."}},
            "weir_amount": {"line": {"type": "plain_text_input", "value": None}},
        }
    },
    "actions": [{"type": "button", "action_id": "weir_approve", "value": "7"}],
}


def test_a_form_is_two_lines_and_three_buttons_and_money_is_confirmed() -> None:
    asked = message(form=DecisionForm("7", "50.00 USD"))
    words, amount, buttons = form_blocks(asked)
    assert (words["optional"], words["element"]["multiline"]) == (True, True)
    assert amount["label"]["text"] == "Approve a part only (empty: 50.00 USD)"
    assert [(each["action_id"], each["value"], "confirm" in each) for each in buttons["elements"]] == [
        ("weir_approve", "7", True), ("weir_ask", "7", False), ("weir_reject", "7", False),
    ]  # fmt: skip
    assert form_blocks(message()) == []


def test_a_form_survives_the_outbox_and_is_shown_where_presses_come_back() -> None:
    asked = message(form=DecisionForm("7", "50.00 USD"))
    assert Message.from_json(asked.as_json()) == asked
    assert "form" not in message().as_json()
    assert [block["type"] for block in slack.blocks(Envelope("id", asked, AT))].count("actions") == 0


def test_what_is_pressed_is_read() -> None:
    assert pressed(PRESS) == Pressed(
        "approve", "7", "T1", "U1", "fay", "It pays.", "", "https://hooks.slack.com/actions/T1/1/x"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"type": "view_submission"}, {"actions": []}, {"actions": PRESS["actions"] * 2}, {"actions": None},
        {"actions": [{"action_id": "weir_delete", "value": "7"}]}, {"actions": [{"action_id": "weir_ask"}]},
        {"actions": [{"action_id": 7, "value": "7"}]}, {"actions": [{"action_id": "weir_ask", "value": 7}]},
        {"user": None}, {"user": {"id": ["U1"]}}, {"team": None}, {"team": {}}, {"response_url": None},
        {"state": []}, {"state": {"values": {"weir_words": []}}}, {"state": {"values": []}},
    ],
)  # fmt: skip
def test_anything_else_is_none(other: dict[str, Any]) -> None:
    assert pressed(PRESS | other) is None

import json
from uuid import UUID

import pytest

from budgets.slack.engine.replies import decided_reply, private_reply
from budgets.slack.engine.values import Named, named_by

CHANNEL = "7e57d004-2b97-4e7a-b45f-5387367791cd"
WHOLE = {"channel": CHANNEL, "request": 7, "digest": "0" * 64}


def test_what_a_button_carries_is_read_back() -> None:
    assert named_by(json.dumps(WHOLE)) == Named(UUID(CHANNEL), 7, "0" * 64)


@pytest.mark.parametrize(
    "other",
    [
        {"channel": "acme"}, {"channel": 7}, {"channel": None}, {"request": "7"}, {"request": 0}, {"request": True},
        {"request": 2**63}, {"request": 7.0}, {"digest": "0" * 63}, {"digest": "G" * 64}, {"digest": None},
    ],
)  # fmt: skip
def test_nothing_else_is_one_of_ours(other: dict[str, object]) -> None:
    assert named_by(json.dumps(WHOLE | other)) is None


@pytest.mark.parametrize("value", ["", "7", "null", "[]", '"text"', "{", "{}"])
def test_what_is_no_object_is_none_either(value: str) -> None:
    assert named_by(value) is None


def test_a_decision_takes_the_place_of_the_message_and_a_refusal_is_told_to_one() -> None:
    decided = decided_reply("fay asks: a < b & c", link="https://weir.example/1")
    assert decided == {
        "replace_original": True,
        "text": "fay asks: a &lt; b &amp; c",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn", "text": "fay asks: a &lt; b &amp; c\n<https://weir.example/1|Open in Weir>"
                },
            }
        ],
    }  # fmt: skip
    assert private_reply("No.") == {"response_type": "ephemeral", "replace_original": False, "text": "No."}
    assert (
        private_reply("No.", link="https://weir.example/1", label="Why")["text"] == "No.\n<https://weir.example/1|Why>"
    )

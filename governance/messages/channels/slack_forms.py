"""The form below a message that asks for a decision, in Block Kit, and what comes back when a button is pressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from governance.messages.channels.message import Message

Verb = Literal["approve", "ask", "reject"]
VERBS: tuple[Verb, ...] = get_args(Verb)
TEXT_MAX, AMOUNT_MAX = 2000, 40
# What Slack names the two lines by when it sends them back.
WORDS, AMOUNT, LINE = "weir_words", "weir_amount", "line"
PREFIX = "weir_"


def form_blocks(message: Message) -> list[dict[str, Any]]:
    """Nothing for a message that asks for no decision. A confirmation stands before money."""
    if message.form is None:
        return []
    return [
        _line(WORDS, "Reason, or your question", TEXT_MAX, is_long=True),
        _line(AMOUNT, f"Approve a part only (empty: {message.form.amount})", AMOUNT_MAX, is_long=False),
        {
            "type": "actions",
            "elements": [
                {**_button("approve", "Approve", message.form.value), "style": "primary", "confirm": _confirmation()},
                _button("ask", "Ask", message.form.value),
                {**_button("reject", "Reject", message.form.value), "style": "danger"},
            ],
        },
    ]


def _line(block: str, label: str, most: int, *, is_long: bool) -> dict[str, Any]:
    field = {"type": "plain_text_input", "action_id": LINE, "multiline": is_long, "max_length": most}
    return {"type": "input", "block_id": block, "optional": True, "label": _plain(label), "element": field}


def _button(verb: Verb, label: str, value: str) -> dict[str, Any]:
    return {"type": "button", "action_id": f"{PREFIX}{verb}", "text": _plain(label), "value": value}


def _confirmation() -> dict[str, Any]:
    return {
        "title": _plain("Approve?"), "text": _plain("The money moves at once, and your name goes on record."),
        "confirm": _plain("Approve"), "deny": _plain("Not yet"),
    }  # fmt: skip


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a form, who pressed it in which workspace, and what was written. `response_url` is where Slack takes
    the answer; a secret for 30 minutes.
    """

    verb: Verb
    value: str
    workspace: str
    member: str
    member_name: str
    words: str
    amount: str
    response_url: str


def pressed(payload: Mapping[str, Any]) -> Pressed | None:
    """What Slack's `block_actions` says; None for anything else, and for what has not its form."""
    try:
        (action,) = payload["actions"]
        verb = action["action_id"].removeprefix(PREFIX)
        if payload["type"] != "block_actions" or verb not in VERBS:
            return None
        user, state = payload["user"], payload.get("state", {}).get("values", {})
        found = Pressed(
            verb=verb, value=action["value"], workspace=payload["team"]["id"], member=user["id"],
            member_name=user.get("username") or user.get("name") or "", words=_written(state, WORDS),
            amount=_written(state, AMOUNT), response_url=payload["response_url"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if all(isinstance(getattr(found, name), str) for name in Pressed.__slots__) else None


def _written(state: Mapping[str, Any], block: str) -> str:
    """Slack says null for a line that is empty."""
    return state.get(block, {}).get(LINE, {}).get("value") or ""

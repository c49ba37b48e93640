"""What Slack is answered: a message that changes the one that was pressed, or one for who pressed alone."""

from __future__ import annotations

from governance.messages.channels.slack import escaped, shortened

TEXT_MAX = 2500


def decided_reply(text: str, *, link: str) -> dict[str, object]:
    """In the place of the message with its buttons, for all who read the channel."""
    words = f"{escaped(shortened(text, TEXT_MAX))}\n<{link}|Open in Weir>"
    return {
        "replace_original": True, "text": escaped(shortened(text, TEXT_MAX)),
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": words}}],
    }  # fmt: skip


def private_reply(text: str, *, link: str = "", label: str = "") -> dict[str, object]:
    """For who pressed; the message with its buttons stays."""
    words = escaped(shortened(text, TEXT_MAX)) + (f"\n<{link}|{label}>" if link else "")
    return {"response_type": "ephemeral", "replace_original": False, "text": words}

from governance.messages.channels.http import (
    retry_after,
)
from governance.messages.channels.message import (
    DecisionForm,
    Envelope,
    Message,
    Outcome,
    Refused,
    Retry,
    Sent,
    Severity,
)

__all__ = [
    "DecisionForm",
    "Envelope",
    "Message",
    "Outcome",
    "Refused",
    "Retry",
    "Sent",
    "Severity",
    "retry_after",
]

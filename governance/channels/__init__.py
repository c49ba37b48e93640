"""One module per way out. Each takes an Envelope to where it goes and says how that ended; none raises."""

from governance.channels.message import Envelope, Message, Outcome, Refused, Retry, Sent, Severity

__all__ = ["Envelope", "Message", "Outcome", "Refused", "Retry", "Sent", "Severity"]

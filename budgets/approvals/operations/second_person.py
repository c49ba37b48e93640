"""What becomes of something that waits for a second person."""

from datetime import datetime

from budgets.approvals.models import SecondPerson
from governance.people.models import User


def settle(waiting: SecondPerson, status: str, user: User, reason: str, at: datetime) -> None:
    """Once, by whom and why; the database refuses it by who asked, but for `withdrawn`."""
    waiting.status, waiting.decided_by, waiting.decided_at, waiting.decision_reason = status, user, at, reason
    waiting.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])

"""What goes wrong between here and Weir."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class WeirError(Exception):
    """Weir refused, with a stable `code`; `problem` is all that it said."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, problem
        self.code = str(problem.get("code", ""))
        super().__init__(str(problem.get("detail") or problem.get("title") or f"Weir answered {status}."))


class Refused(WeirError):
    """There is not so much left: `fits` would be held, until `resets_at`."""

    @property
    def fits(self) -> Decimal:
        """What would be held now, in the budget's unit."""
        return Decimal(str(self.problem.get("fits", "0")))

    @property
    def resets_at(self) -> str:
        """When there is more, as ISO 8601; empty where nobody knows."""
        return str(self.problem.get("resets_at", ""))


class Away(Exception):
    """Weir could not be reached, or cannot answer now. Whether what was asked has happened is not known: asking again
    with the same identity is safe.
    """

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class SpoolInUse(Exception):
    """Another process has this spool."""

"""Lines on a budget: a use of it that comes to one is told of at once."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """Lies at ``share`` of what an account was funded with plus ``amount``, which is a quantity of the ledger."""

    unit: str
    share: Decimal
    amount: Decimal = Decimal(0)

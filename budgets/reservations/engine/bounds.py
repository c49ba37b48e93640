"""How much more may be used than is recorded."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OvershootBound:
    """At most so much more is used, or was already, than is recorded; in the budget's unit, with all budgets below.

    `leases` and `holds` are under way. `unsettled`: drawn by holders beyond what they leased, and held by what expired
    within the last hour and of which usage may still come. `unreported`: used since the feed last delivered, at the
    pace of its last hour, `burn_per_hour`; `data_age_s` is None where it never did.
    """

    leases: Decimal = ZERO
    holds: Decimal = ZERO
    unsettled: Decimal = ZERO
    unreported: Decimal = ZERO
    burn_per_hour: Decimal = ZERO
    data_age_s: int | None = None

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.leases + self.holds + self.unsettled + self.unreported

"""How much of usage is attributed: the share that is not on the organisation's unattributed scope."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

NO_COST = Decimal(0)
RATIO_PLACES = Decimal("0.000001")
# The FinOps Framework's marks for allocation coverage: 80 % of cost is where a practice crawls, 90 % where it runs.
CRAWL_FROM = Decimal("0.80")
RUN_FROM = Decimal("0.90")


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Sums of usage. `requests` and `tokens` include unpriced usage; `cost`, in the organisation's currency,
    does not.
    """

    records: int = 0
    requests: int = 0
    tokens: int = 0
    cost: Decimal = NO_COST

    def __add__(self, addend: "UsageTotals") -> "UsageTotals":
        return UsageTotals(
            self.records + addend.records,
            self.requests + addend.requests,
            self.tokens + addend.tokens,
            self.cost + addend.cost,
        )


NOTHING = UsageTotals()


def total(parts: Iterable[UsageTotals]) -> UsageTotals:
    """The sum, all zero for no parts."""
    return sum(parts, start=NOTHING)


@dataclass(frozen=True, slots=True)
class AttributedShare:
    """All usage of a period (`used`), and the part of it that is attributed to a scope."""

    used: UsageTotals = NOTHING
    attributed: UsageTotals = NOTHING

    def __add__(self, addend: "AttributedShare") -> "AttributedShare":
        return AttributedShare(self.used + addend.used, self.attributed + addend.attributed)

    @property
    def cost_ratio(self) -> Decimal | None:
        """None without any cost: no data is not full coverage."""
        return ratio(self.attributed.cost, self.used.cost)

    @property
    def request_ratio(self) -> Decimal | None:
        """None without any request."""
        return ratio(Decimal(self.attributed.requests), Decimal(self.used.requests))

    @property
    def maturity(self) -> str:
        """`run`, `crawl` or `below_crawl` by the share of cost; `unknown` without any cost."""
        share = self.cost_ratio
        if share is None:
            return "unknown"
        return "run" if share >= RUN_FROM else "crawl" if share >= CRAWL_FROM else "below_crawl"


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """Six places, rounded down: 89.9999995 % has not reached 90 %. None without a whole."""
    return (part / whole).quantize(RATIO_PLACES, ROUND_DOWN) if whole else None

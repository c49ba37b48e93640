"""How much of what was used is attributed: the share that does not lie on the organisation's unattributed scope."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

NO_COST = Decimal(0)
RATIO_PLACES = Decimal("0.000001")
# The FinOps Framework's marks for allocation coverage: 80 % of cost is where a practice crawls, 90 % where it runs.
CRAWL_FROM = Decimal("0.80")
RUN_FROM = Decimal("0.90")


@dataclass(frozen=True, slots=True)
class Used:
    """`cost` holds no unpriced usage, which `requests` does."""

    records: int = 0
    requests: int = 0
    tokens: int = 0
    cost: Decimal = NO_COST

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.records + other.records,
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.cost + other.cost,
        )


NOTHING = Used()


def total(parts: Iterable[Used]) -> Used:
    return sum(parts, start=NOTHING)


@dataclass(frozen=True, slots=True)
class Coverage:
    used: Used = NOTHING
    attributed: Used = NOTHING

    def __add__(self, other: "Coverage") -> "Coverage":
        return Coverage(self.used + other.used, self.attributed + other.attributed)

    @property
    def cost_ratio(self) -> Decimal | None:
        """None where nothing cost anything: no data is not full coverage."""
        return ratio(self.attributed.cost, self.used.cost)

    @property
    def request_ratio(self) -> Decimal | None:
        return ratio(Decimal(self.attributed.requests), Decimal(self.used.requests))

    @property
    def maturity(self) -> str:
        """`run`, `crawl` or `below_crawl` by the share of cost; `unknown` without any cost."""
        share = self.cost_ratio
        if share is None:
            return "unknown"
        return "run" if share >= RUN_FROM else "crawl" if share >= CRAWL_FROM else "below_crawl"


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """Never rounded up: 89.9999995 % has not reached 90 %."""
    return (part / whole).quantize(RATIO_PLACES, ROUND_DOWN) if whole else None

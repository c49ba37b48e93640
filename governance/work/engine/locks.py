"""Every advisory lock of the database, in the order in which a transaction may take them (docs/locks.md).

A new lock is added here, in its place, and taken with `governance.work.operations.hold`. A number never changes: two
versions of Weir may run on one database at once, and would no longer wait for each other.
"""

from dataclasses import dataclass
from enum import Enum

UPPER_HALF = 32
ID_MAX = 2**31


class Keyed(Enum):
    """What PostgreSQL is given as the key. Keys of one number and keys of two are separate: both may use the same
    number.
    """

    BY_NUMBER = "the number"
    BY_NUMBER_AND_ID = "the number, an id"
    BY_NUMBER_ABOVE_ID = "the number × 2³², plus an id"
    BY_DIGEST = "64 bits of a digest"


@dataclass(frozen=True, slots=True)
class AdvisoryLock:
    """`number` is unique among locks of the same form."""

    name: str
    number: int
    keyed: Keyed
    taken_by: str

    def key(self, of: int | None = None) -> tuple[int, ...]:
        """The key for PostgreSQL; `of` is the id or digest of what is locked. ValueError when it does not fit."""
        if (of is None) != (self.keyed is Keyed.BY_NUMBER):
            raise ValueError(f"{self.name} is keyed by {self.keyed.value}; of={of}")
        match self.keyed, of:
            case Keyed.BY_NUMBER_AND_ID, int():
                return (self.number, of % ID_MAX)
            case Keyed.BY_NUMBER_ABOVE_ID, int():
                return (self.number << UPPER_HALF | of,)
            case Keyed.BY_DIGEST, int():
                # Digests of two kinds may be equal: the number keeps them apart.
                return (of ^ self.number,)
            case _:
                return (self.number,)


INSTALL_LOCK = AdvisoryLock(
    "INSTALL_LOCK",
    7_310_579_811_364,
    Keyed.BY_NUMBER,
    "installing the broker's tables; giving the application its rights",
)
IDEMPOTENCY_LOCK = AdvisoryLock(
    "IDEMPOTENCY_LOCK", 0, Keyed.BY_DIGEST, "a command with an Idempotency-Key, tried and not waited for"
)
EVALUATION_LOCK = AdvisoryLock(
    "EVALUATION_LOCK", 0x57455650, Keyed.BY_NUMBER_ABOVE_ID, "evaluating organisations, in the order of their ids"
)
DETECTION_LOCK = AdvisoryLock(
    "DETECTION_LOCK", 8_201_128, Keyed.BY_NUMBER_AND_ID, "looking for anomalies of an organisation"
)
CORRECTIONS_LOCK = AdvisoryLock(
    "CORRECTIONS_LOCK", 8_201_129, Keyed.BY_NUMBER_AND_ID, "correcting prices or attribution of an organisation's usage"
)
ENDPOINT_LOCK = AdvisoryLock(
    "ENDPOINT_LOCK",
    0x45_4E44_504F_494E,
    Keyed.BY_DIGEST,
    "sending to an address, tried and not waited for, with the channel's row held",
)
PARTITION_LOCK = AdvisoryLock(
    "PARTITION_LOCK", 8_201_127, Keyed.BY_NUMBER, "making and dropping months and weeks of usage"
)
PERIOD_LOCK = AdvisoryLock(
    "PERIOD_LOCK", 8_201_128, Keyed.BY_NUMBER, "closing a period; shared by whatever counts for one"
)
SPANS_LOCK = AdvisoryLock(
    "SPANS_LOCK", 8_201_130, Keyed.BY_NUMBER_AND_ID, "recording spans by keys of one scope, which may be of one call"
)
POSTING_LOCK = AdvisoryLock(
    "POSTING_LOCK", 0x57454952_0002, Keyed.BY_NUMBER, "opening, funding and ending accounts; shared by posting usage"
)
APPLY_LOCK = AdvisoryLock(
    "APPLY_LOCK",
    0x57455651,
    Keyed.BY_NUMBER,
    "numbering versions of guardrails, and which lines on budgets are watched",
)
CHAIN_LOCK = AdvisoryLock(
    "CHAIN_LOCK", 0x57454952_0001, Keyed.BY_NUMBER, "adding to the chain of decision records (a trigger takes it)"
)

LOCKS = (
    INSTALL_LOCK,
    IDEMPOTENCY_LOCK,
    EVALUATION_LOCK,
    DETECTION_LOCK,
    CORRECTIONS_LOCK,
    ENDPOINT_LOCK,
    PARTITION_LOCK,
    PERIOD_LOCK,
    SPANS_LOCK,
    POSTING_LOCK,
    APPLY_LOCK,
    CHAIN_LOCK,
)

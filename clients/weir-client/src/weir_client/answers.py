"""What Weir answers, typed. Amounts are Decimal, in the budget's unit; instants are aware."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

Json = Mapping[str, Any]


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _instant(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget that limits a scope. Amounts are None where they are not the caller's to see. `overshoot_bound` is what
    may be used beyond what is recorded, at most.
    """

    scope: str
    unit: str
    currency: str
    is_charged: bool
    limit: Decimal | None
    used: Decimal | None
    held: Decimal | None
    available: Decimal | None
    overshoot_bound: Decimal | None
    resets_at: datetime | None
    owners: tuple[str, ...]
    words: str

    @classmethod
    def read(cls, row: Json) -> Self:
        """From one of `limits`."""
        bound = row.get("overshoot_bound")
        return cls(
            scope=row["budget_scope"], unit=row["unit"], currency=row["currency"], is_charged=row["is_charged"],
            limit=_amount(row["limit"]), used=_amount(row["used"]), held=_amount(row["held"]),
            available=_amount(row["available"]), overshoot_bound=_amount(bound["total"]) if bound else None,
            resets_at=_instant(row["resets_at"]), owners=tuple(row["owners"]), words=row["words"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call is refused, or would be."""

    code: str
    scope: str
    detail: str
    retryable: bool
    resets_at: datetime | None

    @classmethod
    def read(cls, row: Json) -> Self:
        """From one of `reasons`."""
        return cls(row["code"], row["scope"], row["detail"], row["retryable"], _instant(row["resets_at"]))


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call may run."""

    is_allowed: bool
    is_stale: bool
    reasons: tuple[Reason, ...]

    @classmethod
    def read(cls, row: Json) -> Self:
        """From the answer."""
        reasons = tuple(Reason.read(each) for each in row["reasons"])
        return cls(row["decision"] == "allow", row["stale"], reasons)


@dataclass(frozen=True, slots=True)
class ReservationState:
    """A reservation as Weir last knew it."""

    id: str
    scope: str
    unit: str
    amount: Decimal
    spent: Decimal
    free: Decimal
    status: str
    expires_at: datetime

    @classmethod
    def read(cls, row: Json) -> Self:
        """From the answer."""
        return cls(
            row["id"], row["scope"], row["unit"], Decimal(row["amount"]), Decimal(row["spent"]), Decimal(row["free"]),
            row["status"], datetime.fromisoformat(row["expires_at"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeaseState:
    """A lease as Weir last knew it. `expires_in` and `renew_in` are seconds from the answer."""

    id: str
    scope: str
    unit: str
    amount: Decimal
    drawn: Decimal
    safe_capacity: Decimal
    status: str
    expires_in: int
    renew_in: int

    @classmethod
    def read(cls, row: Json) -> Self:
        """From the answer."""
        return cls(
            row["id"], row["scope"], row["unit"], Decimal(row["amount"]), Decimal(row["drawn"]),
            Decimal(row["safe_capacity"]), row["status"], row["expires_in"], row["renew_in"],
        )  # fmt: skip

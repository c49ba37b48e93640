"""Calendar months in UTC: what shared cost and commitments are reckoned by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

MONTHS = 12


@dataclass(frozen=True, slots=True, order=True)
class Month:
    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Month | None:
        """`2026-10`; None for what is no month."""
        found = re.fullmatch(r"([12][0-9]{3})-(0[1-9]|1[0-2])", text, re.ASCII)
        return cls(int(found[1]), int(found[2])) if found else None

    @property
    def start(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def end(self) -> date:
        """The first day that is not of it."""
        following = self.following
        return date(following.year, following.number, 1)

    @property
    def following(self) -> Month:
        return Month(self.year + self.number // MONTHS, self.number % MONTHS + 1)

    @property
    def previous(self) -> Month:
        return Month(self.year - (self.number == 1), (self.number - 2) % MONTHS + 1)

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def since(self) -> datetime:
        return datetime.combine(self.start, time(), UTC)

    @property
    def until(self) -> datetime:
        return datetime.combine(self.end, time(), UTC)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

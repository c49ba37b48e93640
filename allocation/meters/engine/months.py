"""Calendar months in UTC, the accounting periods of shared cost and commitments."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import NamedTuple

from governance.calendar.engine import midnight, month_after, month_before


class Month(NamedTuple):
    """A calendar month, ordered by time. All of its dates and instants are in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Month:
        """The month that `day` lies in."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Month | None:
        """The month written as `2026-10`; None when the text is not a month."""
        match = re.fullmatch(r"([12][0-9]{3})-(0[1-9]|1[0-2])", text, re.ASCII)
        return cls(int(match[1]), int(match[2])) if match else None

    @property
    def start(self) -> date:
        """The first day."""
        return date(self.year, self.number, 1)

    @property
    def end(self) -> date:
        """The first day after the month."""
        return month_after(self.start)

    @property
    def following(self) -> Month:
        """The next month."""
        return Month.of(month_after(self.start))

    @property
    def previous(self) -> Month:
        """The month before."""
        return Month.of(month_before(self.start))

    @property
    def days(self) -> int:
        """How many days the month has."""
        return (self.end - self.start).days

    @property
    def since(self) -> datetime:
        """The first instant of the month."""
        return midnight(self.start)

    @property
    def until(self) -> datetime:
        """The first instant after the month."""
        return midnight(self.end)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

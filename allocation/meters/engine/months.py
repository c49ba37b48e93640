"""Calendar months in UTC: what shared cost and commitments are reckoned by, and tables of usage made for."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import NamedTuple

from governance.calendar.engine import midnight, month_after, month_before


class Month(NamedTuple):
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
        return month_after(self.start)

    @property
    def following(self) -> Month:
        return Month.of(month_after(self.start))

    @property
    def previous(self) -> Month:
        return Month.of(month_before(self.start))

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def since(self) -> datetime:
        return midnight(self.start)

    @property
    def until(self) -> datetime:
        return midnight(self.end)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

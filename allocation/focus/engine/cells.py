"""A row of a FOCUS file by the names of its columns."""

from collections.abc import Mapping
from decimal import Decimal

from allocation.focus.engine.formats import is_null, lenient_number


class Cells:
    """A row's cells by column name. Words that stand for null are null here; `check` reports them."""

    __slots__ = ("_numbers", "cells")

    def __init__(self, cells: Mapping[str, str | None]) -> None:
        self.cells = cells
        self._numbers: dict[str, Decimal | None] = {}

    def has(self, *names: str) -> bool:
        """Whether the file has all these columns."""
        return all(name in self.cells for name in names)

    def text(self, name: str) -> str | None:
        """The cell; None when it is null or the column is missing."""
        cell = self.cells.get(name)
        return None if cell is None or is_null(cell) else cell

    def number(self, name: str) -> Decimal | None:
        """The cell as a number, read leniently; None when it is null or not a number."""
        if name not in self._numbers:
            text = self.text(name)
            self._numbers[name] = None if text is None else lenient_number(text)
        return self._numbers[name]

    @property
    def category(self) -> str | None:
        """ChargeCategory."""
        return self.text("ChargeCategory")

    @property
    def is_correction(self) -> bool:
        """Whether ChargeClass says that the row corrects an earlier charge."""
        return self.text("ChargeClass") == "Correction"

"""One row under inspection."""

from collections.abc import Mapping
from decimal import Decimal

from allocation.focus.engine.formats import is_null, lenient_number


class Cells:
    """A row by the names of its columns. A word that stands for null is null here; `check` has complained already."""

    __slots__ = ("_numbers", "cells")

    def __init__(self, cells: Mapping[str, str | None]) -> None:
        self.cells = cells
        self._numbers: dict[str, Decimal | None] = {}

    def has(self, *names: str) -> bool:
        return all(name in self.cells for name in names)

    def text(self, name: str) -> str | None:
        cell = self.cells.get(name)
        return None if cell is None or is_null(cell) else cell

    def number(self, name: str) -> Decimal | None:
        if name not in self._numbers:
            text = self.text(name)
            self._numbers[name] = None if text is None else lenient_number(text)
        return self._numbers[name]

    @property
    def category(self) -> str | None:
        return self.text("ChargeCategory")

    @property
    def is_correction(self) -> bool:
        return self.text("ChargeClass") == "Correction"

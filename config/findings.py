"""What the checks of an installation find."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of a check, for the operator. A note is not wrong yet, but somebody should look."""

    is_fine: bool
    sentence: str
    is_note: bool = False

    @property
    def word(self) -> str:
        return "WRONG" if not self.is_fine else "note" if self.is_note else "ok"


Findings = Iterator[Finding]

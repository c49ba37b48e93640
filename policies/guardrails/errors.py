"""What may go wrong with a guardrail, as every layer of this app may raise it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from governance.errors import Invalid


@dataclass(frozen=True, slots=True)
class Finding:
    """What the lint says about one place of a guardrail, such as ``spec.steps.stop.when``."""

    severity: Literal["error", "warning"]
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class GuardrailError(Invalid):
    """A guardrail whose expressions or facts cannot be accepted."""

    code = "guardrail_invalid"

    def __init__(self, name: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        sentences = "; ".join(str(finding) for finding in self.findings if finding.severity == "error")
        super().__init__(f"Guardrail {name}: {sentences}", errors=[str(finding) for finding in self.findings])

"""Text of a bounded length, as every part of a guardrail has it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Text = Annotated[str, Field(strict=True, max_length=2_000)]

"""The constraint kinds as a document writes them: `- block: {models: [gpt-4*]}` and its like, one entry for each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Tag

from governance.documents import Part
from policies.guardrails.documents.texts import Text

ConstraintName = Literal["block"]
LATER_CONSTRAINTS = frozenset({"reroute", "throttle", "require_approval", "cap_output", "cheaper_model", "limit"})
"""In the design and refused by name in this version."""


class BlockAction(Part):
    """No models means every model; ``*`` in a name, as in ``gpt-4*``, is any text."""

    models: Annotated[
        tuple[Annotated[str, Field(strict=True, min_length=1, max_length=200)], ...], Field(max_length=100)
    ] = ()
    message: Text = ""


class BlockEntry(Part):
    block: BlockAction


ConstraintEntry = Annotated[BlockEntry, Tag("block")]
"""The union of the entries, each tagged with its name."""

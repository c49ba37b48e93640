"""What all documents share: their parts, what applying one changes, and how one is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from governance.documents.documents.loader import DocumentError, SourcedDocument

API_VERSION = "weir/v1"
INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ScopePath = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}(/[a-z0-9][a-z0-9._-]{0,62})*$", max_length=1000)
]
DocumentT = TypeVar("DocumentT")


class Part(BaseModel):
    """Any part of a document: typed, closed, unchangeable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, str_strip_whitespace=True)


class Metadata(Part):
    name: str
    description: str = ""
    owner: str = ""
    labels: dict[str, str] = {}


class NamedMetadata(Metadata):
    """The name is written beside every record it prices or attributes."""

    name: Slug


class Document(Part):
    """What every document has in common; a kind narrows `kind` to a Literal and adds its `spec`."""

    apiVersion: Literal["weir/v1"]  # noqa: N815  # The wire's spelling, as in Kubernetes documents.
    kind: str
    metadata: Metadata


class FromEnvironment(Part):
    """A secret is named, never written."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


@dataclass(frozen=True, slots=True)
class Change:
    """What applying a document does, or would do; `differences` are sentences for people."""

    kind: str
    name: str
    action: Literal["create", "update", "unchanged"]
    differences: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The subject of its decision record, such as `price_book:contract` for a PriceBook."""
        return f"{INNER_CAPITAL.sub('_', self.kind).lower()}:{self.name}"


def parse_document(adapter: TypeAdapter[DocumentT], sourced: SourcedDocument) -> DocumentT:
    """The typed document. DocumentError names file, line and field of everything that is wrong."""
    try:
        return adapter.validate_python(sourced.data)
    except ValidationError as problem:
        raise DocumentError.of_problems(sourced, [_readable(error) for error in problem.errors()]) from None


def _readable(error: Any) -> tuple[tuple[str | int, ...], str]:
    path: tuple[str | int, ...] = tuple(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return path, "is not a field here; remove it or check its spelling"
        case "missing":
            return path, "is required"
        case _:
            return path, str(error["msg"]).removeprefix("Value error, ")

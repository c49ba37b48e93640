"""The document kind `Channel`."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import StringConstraints, model_validator

from governance.documents import Document, FromEnvironment, Metadata, Part, ScopePath, Slug

Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$", max_length=254)]
ChannelType = Literal["slack", "email", "webhook"]
CHANNEL_TYPES: tuple[str, ...] = get_args(ChannelType)


class ChannelSpec(Part):
    type: ChannelType
    scope: ScopePath
    url: FromEnvironment | None = None
    secret: FromEnvironment | None = None
    to: tuple[Address, ...] = ()
    enabled: bool = True

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        needed: tuple[str, ...]
        unused: tuple[str, ...]
        match self.type:
            case "slack":
                needed, unused = ("url",), ("to",)
            case "webhook":
                needed, unused = ("url", "secret"), ("to",)
            case "email":
                needed, unused = ("to",), ("url", "secret")
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"a {self.type} channel needs {name}")
        for name in unused:
            if getattr(self, name):
                raise ValueError(f"a {self.type} channel has no {name}; remove it")
        return self


class ChannelMetadata(Metadata):
    name: Slug


class ChannelDocument(Document):
    """Guardrails name it `slack:NAME`; the URL and the secret come from the environment of `weir apply`. Of Slack the
    secret is the app's signing secret, and optional: with it the channel's messages have buttons to decide by.
    """

    kind: Literal["Channel"]
    metadata: ChannelMetadata
    spec: ChannelSpec

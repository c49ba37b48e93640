"""`kind: UsageSource`: how the records of one sender are told apart, and whose price they have."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from allocation.meters.documents import Identity, Name
from governance.documents import Document, NamedMetadata

# billed: what the sender says that a call cost. catalogue: price books and the price catalogue. The last: these, and
# what the sender says where they have no price.
PriceFrom = Literal["billed", "catalogue", "catalogue_else_billed"]
PRICES: tuple[PriceFrom, ...] = ("billed", "catalogue", "catalogue_else_billed")


class UsageSourceSpec(BaseModel):
    """A sender, by the `source` its records state or by the public prefix of the Weir API key it sends them with.
    `identity` id says that it uses each id once, whatever time comes with it. `price` says whose price its records
    have; without it, as the request or the record states.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: Annotated[str, Field(min_length=1, max_length=63)]
    source: Name | None = None
    weir_key: Annotated[str, Field(pattern=r"^[0-9a-f]{10}$")] | None = Field(
        default=None, description="The public prefix of a Weir API key, from `weir keys list`."
    )
    identity: Identity | None = None
    price: PriceFrom | None = None

    @model_validator(mode="after")
    def _says_something_of_one_sender(self) -> Self:
        if (self.source is None) == (self.weir_key is None):
            raise ValueError("names its sender in one way: give source or weir_key")
        if self.identity is None and self.price is None:
            raise ValueError("says nothing: give identity, price or both")
        return self


class UsageSourceDocument(Document):
    """One sender of an organisation."""

    kind: Literal["UsageSource"]
    metadata: NamedMetadata
    spec: UsageSourceSpec

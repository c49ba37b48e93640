"""The document kind `Budget`."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, model_validator

from governance.documents import Document, Metadata, Part, ScopePath

PLAIN_DECIMAL = r"^[0-9]{1,15}(\.[0-9]{1,9})?$"


def _written_as_text(value: Any) -> Any:
    """ValueError for a number without quotes: YAML reads 100.10 as a binary float, which is not exact."""
    if isinstance(value, float):
        raise ValueError(f'is a float, which cannot hold money exactly; quote it: amount: "{value:.2f}"')  # noqa: TRY004  # pydantic wants ValueError
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'is quoted, so that it is exact: amount: "{value}"')  # noqa: TRY004  # pydantic wants ValueError
    return value


AmountText = Annotated[str, BeforeValidator(_written_as_text), StringConstraints(pattern=PLAIN_DECIMAL)]


class BudgetMetadata(Metadata):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$")]


class BudgetSpec(Part):
    scope: ScopePath
    unit: Literal["money", "tokens", "requests", "gpu_hours"] = "money"
    period: Literal["month", "quarter", "year"] = "month"
    amount: AmountText = Field(description='For each period, quoted: "100.00".')
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="For money; left out: the organisation's."
    )
    starts_on: date | None = Field(default=None, description="First day of a period; left out: the current one.")
    ends_on: date | None = Field(default=None, description="First day not covered any more; left out: until ended.")
    carry_over: Literal["none", "unspent", "overspend", "both"] = Field(
        default="none", description="What goes on into the next period when one has ended."
    )
    carry_over_max: AmountText | None = Field(default=None, description="The most that goes on; left out: all of it.")
    note: Annotated[str, StringConstraints(max_length=2000)] = ""

    @property
    def quantity(self) -> Decimal:
        """The amount as a Decimal, in the budget's unit."""
        return Decimal(self.amount)

    @model_validator(mode="after")
    def _terms_fit_together(self) -> Self:
        if self.currency and self.unit != "money":
            raise ValueError(f"currency belongs to a budget in money, not in {self.unit}; remove it")
        if self.quantity == 0:
            raise ValueError("amount must be greater than zero")
        if self.carry_over_max is not None and self.carry_over == "none":
            raise ValueError("carry_over_max belongs to a budget that carries over; set carry_over, or remove it")
        if self.carry_over_max is not None and Decimal(self.carry_over_max) == 0:
            raise ValueError("carry_over_max must be greater than zero")
        if self.starts_on and self.ends_on and self.ends_on <= self.starts_on:
            raise ValueError("ends_on must lie after starts_on")
        return self


class BudgetDocument(Document):
    """A proposal: applying it submits a budget, which a person with the right then approves or rejects."""

    kind: Literal["Budget"]
    metadata: BudgetMetadata
    spec: BudgetSpec


BUDGET: TypeAdapter[BudgetDocument] = TypeAdapter(BudgetDocument)

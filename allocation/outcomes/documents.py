"""A business outcome or an action as it is reported: names, numbers and attribution. It has no field for free text."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from allocation.meters.documents import (
    ATTRIBUTES_MAX,
    PRINTABLE,
    AttributeName,
    Fault,
    Identifier,
    MoneyMade,
    Name,
    OptionalIdentifier,
    fault_of,
)

TASKS_MAX = 100
FLAGS_MAX = 16
# A name, not a sentence: the text of a conversation cannot be reported in it.
OutcomeName = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9][a-z0-9_.:-]*$")]
OutcomeKind = Literal["outcome", "action"]


class OutcomeEvent(BaseModel):
    """A result the business wanted (`outcome`), something an agent did for it (`action`), or a count of equal ones.
    Identity is (source, id, occurred_at). `value` is for the whole quantity, `quality_score` for one unit of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Identifier
    source: Name
    occurred_at: AwareDatetime
    kind: OutcomeKind = "outcome"
    name: OutcomeName
    scope: Annotated[str, Field(max_length=1000, pattern=PRINTABLE)] | None = None
    attributes: Annotated[dict[AttributeName, OptionalIdentifier], Field(max_length=ATTRIBUTES_MAX)] | None = None
    task_ids: Annotated[tuple[Identifier, ...], Field(max_length=TASKS_MAX)] = ()
    quantity: Annotated[int, Field(ge=1, le=10**9)] = 1
    success: bool
    value: MoneyMade | None = None
    quality_score: Annotated[Decimal, Field(ge=0, le=1, decimal_places=6, allow_inf_nan=False)] | None = None
    safety_flags: Annotated[tuple[OutcomeName, ...], Field(max_length=FLAGS_MAX)] = ()

    @property
    def operation(self) -> str:
        """Attribution rules read the kind as the operation."""
        return self.kind

    @property
    def provider(self) -> str:
        """Empty: no model served an outcome. Attribution rules read it."""
        return ""

    @property
    def model(self) -> str:
        """Empty, as `provider`."""
        return ""

    @property
    def service_tier(self) -> str:
        """Empty, as `provider`."""
        return ""


OUTCOME: TypeAdapter[OutcomeEvent] = TypeAdapter(OutcomeEvent)
READ_OUTCOME: Callable[[bytes], OutcomeEvent] = OUTCOME.validator.validate_json
OUTCOME_FIELDS = frozenset(OutcomeEvent.model_fields)


def outcome_fault(problem: ValidationError) -> Fault:
    """As `fault_of`, with a sentence about outcomes."""
    fault = fault_of(problem)
    if fault.code == "unknown_field":
        return Fault(fault.code, "The record holds a field that an outcome does not have.", fault.field)
    return fault

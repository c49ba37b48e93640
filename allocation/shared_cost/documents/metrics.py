"""A value that shared cost may be split by: seats, tickets, requests counted elsewhere."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from allocation.meters.documents import PRINTABLE, Fault, Identifier, Name
from allocation.shared_cost.documents.splits import MetricName

VALUE_MAX = 10**14


def _text(value: Any) -> Any:
    """Pydantic would read a number as seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("is no text")  # noqa: TRY004  # what pydantic makes an error of the field
    return value


def _number(value: Any) -> Any:
    """Pydantic would read true as 1."""
    if isinstance(value, bool):
        raise ValueError("is no number")  # noqa: TRY004  # as above
    return value


class MetricValue(BaseModel):
    """Identity is (source, id). `on` is the UTC day it counts for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Identifier
    source: Name
    metric: MetricName
    scope: Annotated[str, Field(min_length=1, max_length=1000, pattern=PRINTABLE)]
    on: Annotated[date, BeforeValidator(_text)]
    value: Annotated[
        Decimal, BeforeValidator(_number), Field(ge=0, le=VALUE_MAX, decimal_places=9, allow_inf_nan=False)
    ]


METRIC_VALUE: TypeAdapter[MetricValue] = TypeAdapter(MetricValue)
FIXES = {
    "id": "give a text of 1 to 200 characters that is this value's own",
    "source": "name the system that counted, in 1 to 128 characters",
    "metric": "write a name such as active-seats: small letters, digits, dots, dashes",
    "scope": "write the path of a scope, such as acme/search",
    "on": "write a day such as 2026-10-31",
    "value": 'write a number from 0 to 10^14 with at most nine places, quoted when it has a fraction: "12.5"',
}


def metric_fault(problem: ValidationError) -> Fault:
    """The first error as unknown_field, not_an_object, missing_field or invalid_value, with what to do. It quotes none
    of the values that were sent.
    """
    first = min(
        problem.errors(include_url=False, include_context=False, include_input=False),
        key=lambda error: error["type"] == "extra_forbidden",
    )
    field = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return Fault("unknown_field", f"A metric value has only {', '.join(FIXES)}; take the other off.", "?")
    if not field:
        return Fault("not_an_object", f"A metric value is a JSON object with {', '.join(FIXES)}.", "")
    code = "missing_field" if first["type"] == "missing" else "invalid_value"
    problem_text = "is missing" if code == "missing_field" else "cannot be used"
    return Fault(code, f"{field} {problem_text}: {FIXES[field]}.", field)

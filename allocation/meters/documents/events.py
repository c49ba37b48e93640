"""The native usage event: quantities, identity and attribution. It has no field for text of prompts or answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from allocation.meters.documents.meters import CountedMeter
from allocation.meters.documents.told_names import TOLD_NAMES

COUNT_MAX = 10**12
AMOUNT_MAX = 10**9
# What is stored of a record; an event may state more, of which those that attribution rules read are kept first.
ATTRIBUTES_MAX = 32
NAME_MAX, IDENTIFIER_MAX, LABEL_MAX = 128, 200, 64
MENDED_MAX = 24
# A tag's key of a cloud provider, at most 128 characters, behind `tag.`.
ATTRIBUTE_NAME_MAX = 132
OTHER_IDS_MAX = 4
# No control characters: PostgreSQL cannot store NUL, and no name needs the others.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=PRINTABLE)]
OptionalName = Annotated[str, Field(max_length=NAME_MAX, pattern=PRINTABLE)]
Identifier = Annotated[str, Field(min_length=1, max_length=IDENTIFIER_MAX, pattern=PRINTABLE)]
OptionalIdentifier = Annotated[str, Field(max_length=IDENTIFIER_MAX, pattern=PRINTABLE)]
AttributeName = Annotated[str, Field(min_length=1, max_length=ATTRIBUTE_NAME_MAX, pattern=PRINTABLE)]
Amount = Annotated[Decimal, Field(ge=0, le=AMOUNT_MAX, allow_inf_nan=False)]
# Below zero: a credit or refund.
SignedAmount = Annotated[Decimal, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX, allow_inf_nan=False)]
Quantity = Annotated[Decimal, Field(ge=0, le=AMOUNT_MAX, decimal_places=6, allow_inf_nan=False)]
Identity = Literal["id", "id_and_time"]
Label = Annotated[str, Field(min_length=1, max_length=LABEL_MAX, pattern=PRINTABLE)]
KnownTier = Literal["standard", "batch", "flex", "priority"]
SERVICE_TIERS: tuple[str, ...] = get_args(KnownTier)
# How senders write that no other tier was asked for.
STANDARD_NAMES = frozenset({"", "auto", "default", "none", "null", "standard"})
# Below it a name is a tier that a vendor has added.
_ALIKE = 0.8
_STATUSES = frozenset({"success", "error"})


def tier_name(stated: str) -> str:
    """The tier as price lists name it; one that is not known, as vendors add them, as it stands."""
    folded = stated.strip().lower()
    if folded in STANDARD_NAMES:
        return "standard"
    return folded if folded in SERVICE_TIERS else stated


def tier_meant(stated: str) -> str:
    """The known tier that the name looks like a misspelling of; empty for a known one and for a name of its own."""
    if stated in SERVICE_TIERS:
        return ""
    return next(iter(get_close_matches(stated, SERVICE_TIERS, n=1, cutoff=_ALIKE)), "")


def status_name(stated: str) -> str:
    """`success` or `error` however it is written; any other as it stands."""
    folded = stated.strip().lower()
    return folded if folded in _STATUSES else stated


# The usual values first: only another one is looked at by Python.
ServiceTier = Annotated[KnownTier | Annotated[Label, AfterValidator(tier_name)], Field(union_mode="left_to_right")]
Status = Annotated[
    Literal["success", "error"] | Annotated[Label, AfterValidator(status_name)], Field(union_mode="left_to_right")
]

_CONFIG = ConfigDict(extra="forbid", frozen=True, strict=True)
# Kinds of tokens that few calls have, and the kind each is a part of: its price, where none of its own is stated.
RARE_TOKENS: Mapping[str, str] = {
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "cached_audio_input": "cached_input",
    "image_input": "input",
    "audio_output": "output",
    "image_output": "output",
}


class Tokens(BaseModel):
    """Token counts of an event. cached_input and cache_write are parts of input, reasoning is a part of output. Of the
    rare kinds, cache_write_1h (kept for an hour) is a part of cache_write, cached_audio_input of cached_input;
    audio_input and image_input are parts of the input that is neither cached_input nor cache_write; audio_output and
    image_output are parts of the output that is not reasoning.
    """

    model_config = _CONFIG

    input: Count = 0
    cached_input: Count = 0
    cache_write: Count = 0
    output: Count = 0
    reasoning: Count = 0
    cache_write_1h: Count = 0
    audio_input: Count = 0
    cached_audio_input: Count = 0
    image_input: Count = 0
    audio_output: Count = 0
    image_output: Count = 0

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.cached_input + self.cache_write > self.input:
            raise PydanticCustomError(
                "tokens_inconsistent", "cached_input + cache_write must not exceed input: both are parts of it"
            )
        if self.reasoning > self.output:
            raise PydanticCustomError("tokens_inconsistent", "reasoning must not exceed output: it is a part of it")
        if not self.model_fields_set.isdisjoint(RARE_TOKENS):
            self._rare_parts_fit()
        return self

    def _rare_parts_fit(self) -> None:
        if self.cache_write_1h > self.cache_write:
            raise PydanticCustomError(
                "tokens_inconsistent", "cache_write_1h must not exceed cache_write: it is a part of it"
            )
        if self.cached_audio_input > self.cached_input:
            raise PydanticCustomError(
                "tokens_inconsistent", "cached_audio_input must not exceed cached_input: it is a part of it"
            )
        if self.cached_input + self.cache_write + self.audio_input + self.image_input > self.input:
            raise PydanticCustomError(
                "tokens_inconsistent",
                "audio_input + image_input must not exceed the input that is neither cached_input nor cache_write",
            )
        if self.reasoning + self.audio_output + self.image_output > self.output:
            raise PydanticCustomError(
                "tokens_inconsistent", "reasoning + audio_output + image_output must not exceed output"
            )


class Money(BaseModel):
    """An amount of at most 10^9 in a currency named by its ISO 4217 code; a cost below zero is a credit."""

    model_config = _CONFIG

    amount: SignedAmount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class MoneyMade(Money):
    """What an outcome was worth: at least 0."""

    amount: Amount


_NO_TOKENS = Tokens()


class UsageEvent(BaseModel):
    """One call to a model, or several equal calls counted together. Its identity is (source, id, occurred_at), or with
    `identity` id (source, id): then the same id at another instant is the same call, and so is one whose `id` is among
    its `other_ids`, the names by which others may tell of it. `claimed_cost` is what the sender reckons it cost, kept
    beside the price list's cost and never counted; `cost` is counted. `estimated`: its quantities are the sender's own
    estimate, not the provider's count. A status that is neither success nor error, as a service tier without a price,
    leaves the call unpriced unless it states its cost. `mended` names the fields that did not fit and were cut,
    rounded, fitted or left out.
    """

    model_config = _CONFIG

    id: Identifier
    identity: Identity = "id_and_time"
    other_ids: Annotated[tuple[Identifier, ...], Field(max_length=OTHER_IDS_MAX)] = ()
    source: Name
    occurred_at: AwareDatetime
    scope: Annotated[str, Field(max_length=1000, pattern=PRINTABLE)] | None = None
    attributes: dict[AttributeName, OptionalIdentifier] | None = None
    provider: Name
    model: Name
    operation: Name = "chat"
    service_tier: ServiceTier = "standard"
    tokens: Tokens = _NO_TOKENS
    requests: Annotated[int, Field(ge=1, le=10**9)] = 1
    gpu_seconds: Quantity | None = None
    quantities: dict[CountedMeter, Quantity] | None = None
    task_id: OptionalIdentifier = ""
    session_id: OptionalIdentifier = ""
    latency_ms: Annotated[int, Field(ge=0, le=10**9)] | None = None
    status: Status = "success"
    cost: SignedAmount | Money | None = None
    claimed_cost: Amount | Money | None = None
    estimated: bool = False
    cached_response: bool = False
    mended: Annotated[tuple[Label, ...], Field(max_length=MENDED_MAX)] = ()


EVENT: TypeAdapter[UsageEvent] = TypeAdapter(UsageEvent)
# Without TypeAdapter's wrapper, which costs a microsecond an event.
READ_EVENT: Callable[[bytes], UsageEvent] = EVENT.validator.validate_json
EVENT_FIELDS = frozenset(UsageEvent.model_fields)
TOKEN_FIELDS = frozenset(Tokens.model_fields)

_CODES = {
    "json_invalid": "malformed_json",
    "extra_forbidden": "unknown_field",
    "missing": "missing_field",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_too_short": "empty",
    "string_pattern_mismatch": "invalid_text",
    "string_unicode": "invalid_text",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "int_parsing_size": "out_of_range",
    "finite_number": "out_of_range",
    "decimal_max_places": "out_of_range",
    "timezone_aware": "time_without_zone",
    "datetime_parsing": "invalid_time",
    "datetime_from_date_parsing": "invalid_time",
    "datetime_object_invalid": "invalid_time",
    "datetime_type": "invalid_time",
    "literal_error": "unknown_value",
    "tokens_inconsistent": "tokens_inconsistent",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
}
_SENTENCES = {
    "malformed_json": "is not valid JSON",
    "unknown_field": "is not a field of a usage event",
    "missing_field": "is required",
    "too_long": "is longer than allowed",
    "empty": "must not be empty",
    "invalid_text": "holds a control character, a lone surrogate or a character its format does not allow",
    "out_of_range": "is outside the range allowed",
    "time_without_zone": "needs a time zone, such as 2026-11-24T10:00:00Z",
    "invalid_time": "is not an ISO 8601 date and time",
    "unknown_value": "is not one of the values allowed",
    "not_an_object": "must be a JSON object",
    "invalid_value": "has the wrong type",
}


@dataclass(frozen=True)
class Fault:
    """Why one record is refused: a stable code, a sentence that repeats no value of the record, and the field."""

    code: str
    message: str
    field: str = ""


def fault_of(problem: ValidationError) -> Fault:
    """The first error of a record that failed validation. Unknown fields come last, so that a real defect is named
    first.
    """
    errors: list[ErrorDetails] = problem.errors(include_url=False, include_context=False, include_input=False)
    first = min(errors, key=lambda error: error["type"] == "extra_forbidden")
    code = _CODES.get(first["type"], "invalid_value")
    if code == "malformed_json" and ("surrogate" in first["msg"] or "hex escape" in first["msg"]):
        code = "invalid_text"
    field = field_path(first["loc"])
    if code == "tokens_inconsistent":
        return Fault(code, f"{first['msg']}.", field)
    if code == "unknown_field":
        return Fault(code, "The record holds a field that a usage event does not have.", field)
    return Fault(code, f"{field or 'The record'} {_SENTENCES[code]}.", field)


def field_path(location: tuple[int | str, ...]) -> str:
    """`tokens.input` for ('tokens', 'input'); `?` for a name made up by the sender, which may be private text."""
    if not location:
        return ""
    head = str(location[0])
    if head == "tokens" and len(location) > 1:
        return f"tokens.{location[1]}" if location[1] in TOKEN_FIELDS else "tokens.?"
    return head if head in EVENT_FIELDS or head in TOLD_NAMES else "?"


def as_document(event: BaseModel) -> dict[str, Any]:
    """The event as it was sent, without defaults: what quarantine keeps and replays."""
    document: dict[str, Any] = event.model_dump(mode="json", exclude_defaults=True)
    return document

"""`kind: AttributionRules`: which key, and which attributes of a usage record, lead to which scope."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from allocation.attribution.documents.conditions import KEY_KINDS, LENGTH_MAX, condition
from allocation.attribution.documents.secrets import ADVICE, begins_like_a_secret, holds_a_secret
from allocation.meters.documents import PRINTABLE, AttributeName, Identifier
from governance.calendar.engine import check_validity
from governance.documents import Document, NamedMetadata
from governance.documents.engine.cel import ExpressionError

Pattern = Annotated[str, Field(min_length=1, max_length=200)]
RuleName = Annotated[str, Field(max_length=100, pattern=PRINTABLE)]
WeirKeyPrefix = Annotated[str, Field(pattern=r"^[0-9a-f]{10}$")]
# The YAML loader takes 50,000 values a document, and a key needs about five of them.
KEYS_MAX = 5_000


class RuleSpec(BaseModel):
    """`when` compares attributes, exactly or with `*`; `if` is a CEL expression over the call. When both are given,
    both must hold. A record without an attribute that a rule reads is not matched by it. Validity is half-open, in UTC
    days.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    name: RuleName = ""
    when: Annotated[dict[AttributeName, Pattern], Field(min_length=1, max_length=16)] | None = None
    condition: Annotated[str, Field(min_length=1, max_length=LENGTH_MAX)] | None = Field(default=None, alias="if")
    scope: Annotated[str, Field(min_length=1, max_length=1000)]
    effective_from: date | None = None
    effective_to: date | None = None

    @field_validator("condition")
    @classmethod
    def _compiles(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        name = info.data.get("name")
        rule = f"rule {name}: " if name else ""
        if holds_a_secret(text):
            raise ValueError(f"{rule}a text in it {ADVICE}")
        try:
            condition(text)
        except ExpressionError as problem:
            raise ValueError(f"{rule}{problem.message} (at {problem.line}:{problem.column})") from None
        return text

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        check_validity(self.effective_from, self.effective_to)
        if self.when is None and self.condition is None:
            raise ValueError("a rule needs `when`, `if` or both: without them it would match every record")
        for attribute, pattern in (self.when or {}).items():
            if holds_a_secret(pattern):
                raise ValueError(f"when.{attribute}: {ADVICE}")
        return self


class KeySpec(BaseModel):
    """Names a key in exactly one way, by what its gateway or provider calls it and never by the key itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: RuleName = ""

    key_hash: Identifier | None = Field(default=None, description="LiteLLM's user_api_key_hash.")
    key_alias: Identifier | None = Field(default=None, description="LiteLLM's user_api_key_alias.")
    service_account: Identifier | None = Field(default=None, description="The provider's service account.")
    credential: Identifier | None = Field(default=None, description="The provider's id of a key or credential.")
    project: Identifier | None = Field(default=None, description="The provider's or gateway's project.")
    weir_key: WeirKeyPrefix | None = Field(
        default=None, description="The public prefix of the Weir API key that sent the record, from `weir keys list`."
    )
    scope: Annotated[str, Field(min_length=1, max_length=1000)]
    effective_from: date | None = None
    effective_to: date | None = None

    @field_validator(*KEY_KINDS, mode="before")
    @classmethod
    def _is_no_secret(cls, value: object) -> object:
        if isinstance(value, str) and begins_like_a_secret(value):
            raise ValueError(ADVICE)
        return value

    @model_validator(mode="after")
    def _names_one_key(self) -> Self:
        check_validity(self.effective_from, self.effective_to)
        if sum(getattr(self, kind) is not None for kind in KEY_KINDS) != 1:
            raise ValueError(f"names its key in exactly one way: give one of {', '.join(KEY_KINDS)}")
        return self

    @property
    def identity(self) -> tuple[str, str]:
        """The kind of name and the name: of its fields the one that is given."""
        return next((kind, value) for kind in KEY_KINDS if (value := getattr(self, kind)) is not None)


class AttributionSpec(BaseModel):
    """The keys and rules of one organisation. A record that names no scope goes to the scope of its key; when its key
    is not listed, to the scope of the first rule that matches. Every scope lies inside the organisation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    organisation: Annotated[str, Field(min_length=1, max_length=63)]
    keys: Annotated[tuple[KeySpec, ...], Field(max_length=KEYS_MAX)] | None = None
    rules: Annotated[tuple[RuleSpec, ...], Field(max_length=2000)] = ()

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        located = [(f"keys.{position}", key.scope) for position, key in enumerate(self.keys or ())]
        located += [(f"rules.{position}", rule.scope) for position, rule in enumerate(self.rules)]
        for location, scope in located:
            if scope.partition("/")[0] != self.organisation:
                raise ValueError(f"{location}.scope: {scope} lies outside {self.organisation}")
        return self

    @property
    def scopes(self) -> tuple[str, ...]:
        """Paths of the keys' scopes, then of the rules'."""
        return (*(key.scope for key in self.keys or ()), *(rule.scope for rule in self.rules))

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        names: dict[str, int] = {}
        for position, rule in enumerate(self.rules):
            if rule.name and names.setdefault(rule.name, position) != position:
                raise ValueError(
                    f"rules.{position}.name: rules.{names[rule.name]} has the name {rule.name} too; every record"
                    " carries the name of the rule that placed it"
                )
        _check_overlaps(self.keys or ())
        return self


def _check_overlaps(keys: tuple[KeySpec, ...]) -> None:
    by_identity: dict[tuple[str, str], list[tuple[date, date, int]]] = {}
    for position, key in enumerate(keys):
        valid = (key.effective_from or date.min, key.effective_to or date.max, position)
        by_identity.setdefault(key.identity, []).append(valid)
    for (kind, _), periods in by_identity.items():
        for (_, until, first), (since, _, second) in pairwise(sorted(periods)):
            if since < until:
                raise ValueError(
                    f"keys.{second}: the same {kind} stands in keys.{first} for some of the same days; end one before"
                    " the other begins"
                )


class AttributionRulesDocument(Document):
    """A named set of attribution rules of one organisation."""

    kind: Literal["AttributionRules"]
    metadata: NamedMetadata
    spec: AttributionSpec

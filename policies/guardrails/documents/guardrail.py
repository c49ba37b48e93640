"""The GuardrailPolicy document: what may be written, checked for shape and for names that fit together.

Expressions are only text here; the engine checks their types (``policies.guardrails.engine.compilation``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Discriminator, Field, Tag, model_validator

from governance.documents import Document, Metadata, Part, Slug
from governance.messages.documents import CHANNEL_TYPES
from policies.guardrails.documents.constraint_kinds import LATER_CONSTRAINTS, ConstraintEntry, ConstraintName
from policies.guardrails.documents.durations import Duration, PositiveDuration
from policies.guardrails.documents.texts import Text
from policies.guardrails.documents.unsupported import later

Severity = Literal["info", "low", "medium", "high", "critical"]
Level = Literal["dry_run", "advisory", "soft_mandatory", "hard_mandatory"]
ScopeKind = Literal["organisation", "business_unit", "team", "product", "workload", "agent"]
Practice = Literal["finops_for_ai", "ai_for_finops"]
ActionKind = Literal["notify", ConstraintName]

RESERVED_NAMES = frozenset(
    (  # noqa: SIM905  # a list of words reads better than a list of quotes
        "params scope has none true false null in as break const continue else for function if import let "
        "loop package namespace return var void while bool bytes double int list map null_type string "
        "timestamp type uint duration dyn size matches all exists exists_one filter contains"
    ).split()
)

Expression = Annotated[str, Field(strict=True, min_length=1, max_length=4_000)]
Identifier = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]{0,39}$")]
StepName = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Address = Annotated[
    str, Field(strict=True, pattern=rf"^(owner|({'|'.join(CHANNEL_TYPES)}):[A-Za-z0-9][A-Za-z0-9._-]{{0,99}})$")
]
Glob = Annotated[str, Field(strict=True, pattern=r"^[a-z0-9*_.-]+(/[a-z0-9*_.-]+)*$", max_length=500)]
Labels = dict[Annotated[str, Field(strict=True, max_length=100)], Annotated[str, Field(strict=True, max_length=200)]]


def _not_empty(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not items:
        raise ValueError("at least one is needed")
    return items


# After the items' own checks: an item that is refused must not be reported as missing too.
NotEmpty = AfterValidator(_not_empty)
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Match(Part):
    """All given matchers must hold. In paths ``*`` is one segment and ``**`` any number; ``acme/**`` is below acme."""

    kinds: tuple[ScopeKind, ...] = ()
    paths: tuple[Glob, ...] = ()
    labels: Labels = {}
    environments: tuple[str, ...] = ()
    practice: Practice | None = None


class DoubleParam(Part):
    type: Literal["double"]
    default: Number
    description: Text = ""


class IntParam(Part):
    type: Literal["int"]
    default: Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
    description: Text = ""


class BoolParam(Part):
    type: Literal["bool"]
    default: Annotated[bool, Field(strict=True)]
    description: Text = ""


class StringParam(Part):
    type: Literal["string"]
    default: Text
    description: Text = ""


class DurationParam(Part):
    """Read in expressions as a number of seconds, like ``data.age``."""

    type: Literal["duration"]
    default: Duration
    description: Text = ""


Param = Annotated[
    DoubleParam | IntParam | BoolParam | StringParam | DurationParam,
    Field(discriminator="type"),
]


class FactRead(Part):
    """One fact under the name expressions use. Older than ``max_age`` counts as missing."""

    fact: Text
    window: Text = ""
    unit: Text = ""
    max_age: PositiveDuration | None = None
    optional: Annotated[bool, Field(strict=True)] = False

    _later = later("model_tier", "provider", "model")


class NotifyAction(Part):
    to: Annotated[tuple[Address, ...], Field(max_length=20, json_schema_extra={"minItems": 1}), NotEmpty]
    repeat_every: PositiveDuration | None = None


class NotifyEntry(Part):
    notify: NotifyAction


_SUPPORTED_ACTIONS: tuple[str, ...] = get_args(ActionKind)
_SUPPORTED = f"use {', '.join(_SUPPORTED_ACTIONS[:-1])} or {_SUPPORTED_ACTIONS[-1]}"


def _known_action(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError("write an action as one mapping: `- notify: {to: [owner]}` or `- block: {}`")
    kind = next(iter(value))
    if kind in LATER_CONSTRAINTS:
        raise ValueError(f"action `{kind}` is not supported in this version; {_SUPPORTED}")
    if kind not in _SUPPORTED_ACTIONS:
        raise ValueError(f"unknown action `{kind}`; {_SUPPORTED}")
    return value


def _action_kind(value: Any) -> str:
    return str(next(iter(value))) if isinstance(value, Mapping) else next(iter(type(value).model_fields))


ActionEntry = Annotated[
    Annotated[NotifyEntry, Tag("notify")] | ConstraintEntry,
    Discriminator(_action_kind),
    BeforeValidator(_known_action),
]


class Step(Part):
    """One rung of the ladder. Without ``release`` a step ends when ``when`` no longer holds."""

    name: StepName
    when: Expression
    for_: Duration = Field(default=timedelta(0), alias="for")
    keep_firing_for: Duration = timedelta(0)
    release: Expression | None = None
    min_hold: Duration = timedelta(0)
    severity: Severity | None = None
    actions: Annotated[tuple[ActionEntry, ...], Field(max_length=20, json_schema_extra={"minItems": 1}), NotEmpty]


def _supported_point(value: object) -> object:
    if value in {"gateway", "ci"}:
        raise ValueError(f"enforcement point `{value}` is not supported in this version; use schedule")
    return value


def _supported_on_error(value: object) -> object:
    if value in {"fire", "release", "fail_open", "fail_closed"}:
        raise ValueError(f"`on_error: {value}` is not supported in this version; use hold")
    return value


class Enforcement(Part):
    level: Level = "advisory"
    points: Annotated[
        tuple[Annotated[Literal["schedule"], BeforeValidator(_supported_point)], ...],
        Field(json_schema_extra={"minItems": 1}),
        NotEmpty,
    ] = ("schedule",)
    on_error: Annotated[Literal["hold"], BeforeValidator(_supported_on_error)] = "hold"

    _later = later("blast_radius", "rollout")


class TestScope(Part):
    __test__ = False

    path: Annotated[str, Field(strict=True, min_length=1, max_length=500)]
    kind: ScopeKind = "team"
    labels: Labels = {}
    environment: str = ""
    criticality: Literal["low", "standard", "high", "business_critical"] = "standard"
    practice: Practice = "finops_for_ai"


class Expectation(Part):
    """What must be so at an instant after the series' start; what is left out is not checked."""

    at: Duration
    step: Annotated[str, Field(strict=True)] | None = None
    state: Literal["idle", "pending", "firing", "no_data", "error"] | None = None
    actions: tuple[ActionKind, ...] | None = None


class InlineTest(Part):
    """Series in promtool's notation by fact name, one sample ``every`` so often."""

    name: Annotated[str, Field(strict=True, min_length=1, max_length=300)]
    scope: TestScope
    every: PositiveDuration
    series: dict[Identifier, Annotated[str, Field(strict=True, max_length=10_000)]]
    expect: Annotated[tuple[Expectation, ...], Field(max_length=200, json_schema_extra={"minItems": 1}), NotEmpty]


class GuardrailSpec(Part):
    severity: Severity = "medium"
    match: Match
    exclude: Match | None = None
    params: Annotated[dict[Identifier, Param], Field(max_length=50)] = {}
    facts: Annotated[dict[Identifier, FactRead], Field(min_length=1, max_length=50)]
    variables: Annotated[dict[Identifier, Expression], Field(max_length=50)] = {}
    conditions: Annotated[dict[Identifier, Expression], Field(max_length=50)] = {}
    steps: Annotated[tuple[Step, ...], Field(max_length=20, json_schema_extra={"minItems": 1}), NotEmpty]
    enforcement: Enforcement = Enforcement()
    tests: Annotated[tuple[InlineTest, ...], Field(max_length=100)] = ()

    _later = later("rollout", "exemptions", "bindings", "blast_radius", "params_from")

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        _refuse_repeated("step", (step.name for step in self.steps))
        _refuse_repeated("name under facts and variables", (*self.facts, *self.variables))
        for name in (*self.facts, *self.variables, *(step.name for step in self.steps)):
            if name in RESERVED_NAMES:
                raise ValueError(f"`{name}` is a reserved word; choose another name")
        if self.exclude == Match():
            raise ValueError("`exclude` without a matcher would exclude every scope; remove it")
        return self

    @model_validator(mode="after")
    def _tests_fit(self) -> Self:
        steps = {step.name for step in self.steps} | {"none"}
        for test in self.tests:
            _refuse_unknown(f"test `{test.name}`: series for", test.series, self.facts)
            required = {name for name, fact in self.facts.items() if not fact.optional}
            if missing := required - test.series.keys():
                raise ValueError(
                    f"test `{test.name}`: no series for fact {_listed(missing)}; `_x10` is ten missing samples"
                )
            _refuse_unknown(
                f"test `{test.name}`: expected step",
                (expected.step for expected in test.expect if expected.step),
                steps,
            )
        return self


class GuardrailMetadata(Metadata):
    name: Slug
    runbook: Text = ""


class GuardrailPolicy(Document):
    kind: Literal["GuardrailPolicy"]
    metadata: GuardrailMetadata
    spec: GuardrailSpec


def _refuse_repeated(noun: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"the same {noun} is given twice: {_listed(repeated)}")


def _refuse_unknown(noun: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = set(names) - set(known)
    if unknown:
        raise ValueError(f"{noun} {_listed(unknown)}, which is none of {_listed(known)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))

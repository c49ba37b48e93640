"""`kind: ApprovalRules`: who must agree to a request for more, how many of them, and in which order."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, field_validator, model_validator

from budgets.plans.documents import AmountText
from governance.documents import Document, NamedMetadata, Part, ScopePath, Slug
from governance.scopes.engine import is_at_or_below

PEOPLE_MAX = 5
STEPS_MAX = 5
RULES_MAX = 100
STAND_INS_MAX = 200
AWAY_MAX = timedelta(days=90)

PersonaName = Literal["engineering", "finance", "finops", "platform"]
RightName = Literal["approve_budget", "set_unit_cost", "constrain_demand", "acknowledge"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
Hours = Annotated[int, Field(ge=1, le=400)]
Address = Annotated[
    str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254, to_lower=True, strip_whitespace=True)
]
Percent = Annotated[int, Field(ge=0, le=10_000)]


class AmountRange(Part):
    """More than `above`, and not more than `up_to`."""

    above: AmountText | None = None
    up_to: AmountText | None = None

    def holds(self, amount: Decimal) -> bool:
        """Whether the amount lies in it."""
        return (self.above is None or amount > Decimal(self.above)) and (
            self.up_to is None or amount <= Decimal(self.up_to)
        )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.above is None and self.up_to is None:
            raise ValueError("needs `above`, `up_to` or both")
        if self.above is not None and self.up_to is not None and Decimal(self.above) >= Decimal(self.up_to):
            raise ValueError("`above` must be less than `up_to`")
        return self


class PercentRange(Part):
    """As AmountRange, in whole percent."""

    above: Percent | None = None
    up_to: Percent | None = None

    def holds(self, amount: Decimal, of: Decimal | None) -> bool:
        """Whether the amount is such a share of `of`. Where there is nothing to be a share of, it is more than any."""
        if not of:
            return self.up_to is None
        return (self.above is None or amount * 100 > of * self.above) and (
            self.up_to is None or amount * 100 <= of * self.up_to
        )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.above is None and self.up_to is None:
            raise ValueError("needs `above`, `up_to` or both")
        if self.above is not None and self.up_to is not None and self.above >= self.up_to:
            raise ValueError("`above` must be less than `up_to`")
        return self


class Who(Part):
    """People by what they own a scope with: as a persona, with a decision right, or both at once. They own the scope
    that is asked for or one above it, and `at` or one above that.
    """

    persona: PersonaName | None = None
    right: RightName | None = None
    at: ScopePath | None = Field(default=None, description="They own this scope, or one above it.")

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.persona is None and self.right is None:
            raise ValueError("needs `persona`, `right` or both: who is to agree")
        return self


class StepSpec(Who):
    people: Annotated[int, Field(ge=1, le=PEOPLE_MAX)] = Field(default=1, description="How many different ones.")


class RuleSpec(Part):
    """It holds for a request that meets all that it states. Amounts are what is asked for, with what requests have
    given the same budget since its period began: many small ones are one large one.
    """

    name: Slug
    scope: ScopePath | None = Field(default=None, description="Who asks: this scope and all below it.")
    unit: Literal["money", "tokens", "requests", "gpu_hours"] | None = None
    amount: AmountRange | None = Field(default=None, description="In the unit, which is to be given then.")
    percent_of_budget: PercentRange | None = Field(default=None, description="Of the budget that is raised.")
    percent_of_parent: PercentRange | None = Field(default=None, description="Of the budget that the money is from.")
    own_reserve: bool = Field(
        default=False,
        description="Only where the money is left in a budget of `scope` or below it, and for this period.",
    )
    steps: Annotated[tuple[StepSpec, ...], Field(min_length=1, max_length=STEPS_MAX)] = Field(
        description="One after the other; the last agreement moves the money."
    )

    @property
    def _thresholds(self) -> tuple[AmountRange | PercentRange | None, ...]:
        return self.amount, self.percent_of_budget, self.percent_of_parent

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.amount is not None and self.unit is None:
            raise ValueError("`amount` is of one unit: give `unit`")
        if self.own_reserve and self.scope is None:
            raise ValueError("`own_reserve` is of a team: give `scope`")
        if self.own_reserve and not any(each is not None and each.up_to is not None for each in self._thresholds):
            raise ValueError("`own_reserve` needs a threshold: `up_to`, of `amount` or of a percentage")
        return self


def _clock_as_text(value: Any) -> Any:
    """ValueError for a clock without quotes: YAML reads 17:00 as a number of minutes."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError('is quoted, so that it is a clock: "17:00"')  # noqa: TRY004  # pydantic wants ValueError
    return value


Clock = Annotated[
    str, BeforeValidator(_clock_as_text), StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]


def minutes_of(clock: str) -> int:
    """After midnight: 1020 of `17:00`."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


class WorkingTimeSpec(Part):
    """When approvers work, by the clocks of one place."""

    time_zone: str = Field(description="Such as Europe/Berlin.")
    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = WEEKDAYS[:5]
    begins: Clock = "09:00"
    ends: Clock = "17:00"
    closed_on: Annotated[tuple[date, ...], Field(max_length=400)] = Field(default=(), description="Holidays.")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name!r}; write UTC or one such as Europe/Berlin") from None
        return name

    @model_validator(mode="after")
    def _begins_first(self) -> Self:
        if minutes_of(self.begins) >= minutes_of(self.ends):
            raise ValueError("`begins` must lie before `ends`")
        return self


class WhenLate(Part):
    """Hours of work after which those who are next are reminded, and after which others are asked too. They begin anew
    with an answer of the team and with each agreement.
    """

    remind_after_hours: Hours | None = None
    escalate_after_hours: Hours | None = None
    escalate_to: Who | None = Field(default=None, description="They may agree to the step too, from then on.")

    @model_validator(mode="after")
    def _reminds_first(self) -> Self:
        if (self.escalate_after_hours is None) != (self.escalate_to is None):
            raise ValueError("`escalate_after_hours` and `escalate_to` belong together")
        if self.remind_after_hours is None and self.escalate_after_hours is None:
            raise ValueError("needs `remind_after_hours`, `escalate_after_hours` or both")
        if self.escalate_after_hours is not None and (self.remind_after_hours or 0) >= self.escalate_after_hours:
            raise ValueError("`remind_after_hours` must be less than `escalate_after_hours`")
        return self


class StandIn(Part):
    """From the first day to before the last, in UTC, `to` agrees in the place of `instead_of`, who is away: to requests
    at and below the scope, as far as that one may. Both own that scope, or one above it.
    """

    instead_of: Address
    to: Address
    scope: ScopePath | None = Field(default=None, description="Left out: the organisation.")
    starts_on: date
    ends_on: date = Field(description="First day on which it is over; within 90 days.")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.instead_of == self.to:
            raise ValueError("nobody stands in for themselves")
        if not timedelta(0) < self.ends_on - self.starts_on <= AWAY_MAX:
            raise ValueError(f"`ends_on` lies after `starts_on`, and within {AWAY_MAX.days} days of it")
        return self

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on the day."""
        return self.starts_on <= day < self.ends_on


class ApprovalSpec(Part):
    """The first rule that holds is the one. Where none does, one person with the right to approve budgets decides."""

    organisation: Slug
    rules: Annotated[tuple[RuleSpec, ...], Field(max_length=RULES_MAX)] = ()
    working_time: WorkingTimeSpec | None = None
    when_late: WhenLate | None = None
    stand_ins: Annotated[tuple[StandIn, ...], Field(max_length=STAND_INS_MAX)] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every path that is named, but the organisation's."""
        places = [place for rule in self.rules for place in (rule.scope, *(step.at for step in rule.steps))]
        if self.when_late is not None and self.when_late.escalate_to is not None:
            places.append(self.when_late.escalate_to.at)
        places += [each.scope for each in self.stand_ins]
        return tuple(dict.fromkeys(place for place in places if place is not None))

    @model_validator(mode="after")
    def _knows_the_hours(self) -> Self:
        if self.when_late is not None and self.working_time is None:
            raise ValueError("`when_late` counts hours of work: give `working_time`")
        to = self.when_late.escalate_to if self.when_late is not None else None
        if to is not None and to.at is not None and not is_at_or_below(to.at, self.organisation):
            raise ValueError(f"`escalate_to`: {to.at} lies outside {self.organisation}")
        return self

    @model_validator(mode="after")
    def _stands_inside(self) -> Self:
        for each in self.stand_ins:
            if each.scope is not None and not is_at_or_below(each.scope, self.organisation):
                raise ValueError(f"`stand_ins`: {each.scope} lies outside {self.organisation}")
        return self

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        names = [rule.name for rule in self.rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two rules are named {twice}; every agreement names its rule")
        for rule in self.rules:
            scope = rule.scope or self.organisation
            if not is_at_or_below(scope, self.organisation):
                raise ValueError(f"rule {rule.name}: {scope} lies outside {self.organisation}")
            for step in rule.steps:
                if step.at is not None and not is_at_or_below(scope, step.at):
                    raise ValueError(f"rule {rule.name}: `at` is {scope} or a scope above it, not {step.at}")
        return self


class ApprovalRulesDocument(Document):
    """Who must agree before a request of the organisation moves money."""

    kind: Literal["ApprovalRules"]
    metadata: NamedMetadata
    spec: ApprovalSpec


SPEC: TypeAdapter[ApprovalSpec] = TypeAdapter(ApprovalSpec)

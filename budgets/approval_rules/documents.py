"""`kind: ApprovalRules`: who must agree to a request for more, how many of them, and in which order."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from budgets.plans.documents import AmountText
from governance.documents import Document, NamedMetadata, Part, ScopePath, Slug
from governance.scopes.engine import is_at_or_below

PEOPLE_MAX = 5
STEPS_MAX = 5
RULES_MAX = 100

PersonaName = Literal["engineering", "finance", "finops", "platform"]
RightName = Literal["approve_budget", "set_unit_cost", "constrain_demand", "acknowledge"]
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


class ApprovalSpec(Part):
    """The first rule that holds is the one. Where none does, one person with the right to approve budgets decides."""

    organisation: Slug
    rules: Annotated[tuple[RuleSpec, ...], Field(max_length=RULES_MAX)] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every path that is named, but the organisation's."""
        places = [place for rule in self.rules for place in (rule.scope, *(step.at for step in rule.steps))]
        return tuple(dict.fromkeys(place for place in places if place is not None))

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

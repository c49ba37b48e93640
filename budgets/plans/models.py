"""A budget: an approved amount for a scope, a unit and each period from `starts_on` until `ends_on`."""

from datetime import date
from functools import reduce
from operator import or_
from typing import Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast

from budgets.plans.engine.amounts import spoken
from budgets.plans.engine.periods import Period as CalendarPeriod
from budgets.plans.engine.periods import period_in_force, period_of
from governance.calendar.queries import in_force
from governance.scopes.models import Scope, ScopedQuerySet

OPEN = ("draft", "submitted")
IN_FORCE = ("approved", "ended")
DECIDED = ("approved", "rejected", "ended")
FIXED_ONCE_DECIDED = (
    *("scope", "unit", "period", "amount", "currency", "starts_on", "created_by", "author_name", "submitted_by"),
    *("submitted_at", "carry_over", "carry_over_max", "year_starts"),
    *("decided_by", "decided_at", "decision_reason"),
)


class BudgetQuerySet(ScopedQuerySet["Budget"]):
    """Budgets, visible by their scope."""

    def in_force(self, day: date) -> Self:
        """Approved for that day; a budget that has ended since is included."""
        return self.filter(in_force(day, since="starts_on", until="ends_on"), status__in=IN_FORCE)

    def overlapping(self, starts_on: date, ends_on: date | None) -> Self:
        """Approved or ended budgets with a day in [starts_on, ends_on); None is without an end."""
        before_end = Q(starts_on__lt=ends_on) if ends_on else Q()
        return self.filter(before_end, Q(ends_on=None) | Q(ends_on__gt=starts_on), status__in=IN_FORCE)


def single_value(number: F | models.Case) -> Func:
    """A number as a range of one value: GiST compares ranges without the btree_gist extension."""
    whole = Cast(number, models.BigIntegerField())
    return Func(whole, whole, Value("[]"), function="int8range", output_field=BigIntegerRangeField())


class Unit(models.TextChoices):
    """What a budget limits."""

    MONEY = "money"
    TOKENS = "tokens"
    REQUESTS = "requests"
    GPU_HOURS = "gpu_hours", "GPU hours"


def unit_number() -> models.Case:
    """The unit's place among the choices, for constraints over ranges."""
    whens = [models.When(unit=unit, then=Value(number)) for number, unit in enumerate(Unit.values)]
    return models.Case(*whens, default=Value(len(whens)), output_field=models.IntegerField())


def changed(*fields: str) -> pgtrigger.Q:
    """True when one of the fields has another value than before."""
    return reduce(or_, (pgtrigger.Q(**{f"old__{field}__df": pgtrigger.F(f"new__{field}")}) for field in fields))


class Budget(models.Model):
    """A proposal for a scope and unit, and, once approved, what it may use in each period. A decided budget is never
    edited: a new amount is a new budget that supersedes it.
    """

    class Period(models.TextChoices):
        MONTH = "month"
        QUARTER = "quarter"
        YEAR = "year"

    class Status(models.TextChoices):
        DRAFT = "draft"
        SUBMITTED = "submitted"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        ENDED = "ended"

    class CarryOver(models.TextChoices):
        NONE = "none", "nothing"
        UNSPENT = "unspent", "what was not spent"
        OVERSPEND = "overspend", "what was overspent"
        BOTH = "both", "what was not spent or was overspent"

    Unit = Unit

    name = models.CharField(max_length=253)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="budgets")
    unit = models.CharField(max_length=16, choices=Unit.choices, default=Unit.MONEY)
    period = models.CharField(max_length=16, choices=Period.choices, default=Period.MONTH)
    year_starts = models.PositiveSmallIntegerField(
        default=1, editable=False, help_text="The first month of its year, from which quarters count."
    )
    starts_on = models.DateField(help_text="First day of a period, in UTC.")
    ends_on = models.DateField(null=True, blank=True, help_text="First day that is not covered any more.")
    amount = models.DecimalField(max_digits=24, decimal_places=9, help_text="For each period.")
    currency = models.CharField(max_length=3, blank=True, default="", help_text="For money only.")
    carry_over = models.CharField(
        max_length=9, choices=CarryOver.choices, default=CarryOver.NONE,
        help_text="What goes on into the next period when one has ended.",
    )  # fmt: skip
    carry_over_max = models.DecimalField(
        max_digits=24, decimal_places=9, null=True, blank=True, help_text="The most that goes on; empty: all of it."
    )
    note = models.TextField(blank=True, default="")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT, editable=False)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="superseded_by"
    )
    source = models.CharField(max_length=400, blank=True, default="", editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    author_name = models.CharField(
        max_length=254, blank=True, default="", editable=False, help_text="Who ran the command that proposed it."
    )
    created_at = models.DateTimeField(editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    submitted_at = models.DateTimeField(null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_reason = models.TextField(blank=True, default="", editable=False)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="budget_amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="budget_currency_for_money_only",
                condition=(Q(unit="money") & ~Q(currency="")) | (~Q(unit="money") & Q(currency="")),
            ),
            models.CheckConstraint(
                name="budget_ends_after_it_starts", condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on"))
            ),
            models.CheckConstraint(
                name="budget_carry_over_bound_is_of_one",
                condition=Q(carry_over_max=None) | (Q(carry_over_max__gt=0) & ~Q(carry_over="none")),
            ),
            models.CheckConstraint(
                name="budget_year_starts_in_a_month", condition=Q(year_starts__gte=1, year_starts__lte=12)
            ),
            models.CheckConstraint(
                name="budget_submission_complete",
                condition=Q(status__in=("draft", "withdrawn")) | Q(submitted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="budget_decision_complete",
                condition=(
                    Q(status__in=DECIDED, decided_by__isnull=False, decided_at__isnull=False) & ~Q(decision_reason="")
                )
                | (~Q(status__in=DECIDED) & Q(decided_by=None, decided_at=None, decision_reason="")),
            ),
            models.CheckConstraint(
                name="budget_decided_by_another_person",
                condition=Q(decided_by=None)
                | (
                    (Q(created_by=None) | ~Q(decided_by=F("created_by")))
                    & (Q(submitted_by=None) | ~Q(decided_by=F("submitted_by")))
                ),
                violation_error_message="A budget is decided by someone other than its author.",
            ),
            ExclusionConstraint(
                name="budget_one_at_a_time_per_scope_and_unit",
                expressions=[
                    (single_value(F("scope_id")), RangeOperators.EQUAL),
                    (single_value(unit_number()), RangeOperators.EQUAL),
                    (Func(F("starts_on"), F("ends_on"), function="daterange", output_field=DateRangeField()), "&&"),
                ],
                condition=Q(status__in=IN_FORCE),
            ),
            models.UniqueConstraint(
                name="budget_one_proposal_per_scope_and_unit", fields=["scope", "unit"], condition=Q(status__in=OPEN)
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="budget_status_steps",
                field="status",
                transitions=[
                    ("draft", "submitted"),
                    ("draft", "withdrawn"),
                    ("submitted", "approved"),
                    ("submitted", "rejected"),
                    ("submitted", "withdrawn"),
                    ("approved", "ended"),
                ],
            ),
            pgtrigger.Trigger(
                name="budget_decided_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__status__in=(*DECIDED, "withdrawn")) & changed(*FIXED_ONCE_DECIDED),
                func="RAISE EXCEPTION 'budget %: what was decided is not edited; grant, give back or propose',"
                " OLD.id USING ERRCODE = 'integrity_constraint_violation';",
            ),
            pgtrigger.Trigger(
                name="budget_decided_only_shortens",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__status__in=IN_FORCE) & changed("ends_on"),
                func="IF NEW.ends_on IS NULL OR NEW.ends_on > OLD.ends_on THEN"
                " RAISE EXCEPTION 'budget %: an approved budget may end earlier, never later', OLD.id"
                " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW;",
            ),
            pgtrigger.Protect(name="budget_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({spoken(self.unit, self.amount, self.currency)} a {self.period})"

    @property
    def is_open(self) -> bool:
        """Whether it still waits to be submitted or decided."""
        return self.status in OPEN

    @property
    def carry_over_spoken(self) -> str:
        """What goes on into the next period, and how much at most; empty for nothing."""
        if self.carry_over == Budget.CarryOver.NONE:
            return ""
        most = f", at most {spoken(self.unit, self.carry_over_max, self.currency)}" if self.carry_over_max else ""
        return f"{Budget.CarryOver(self.carry_over).label} goes on into the next period{most}"

    @property
    def covered_from(self) -> date:
        """Approval reaches back to the start of the period it was given in, not beyond."""
        if self.decided_at is None:
            return self.starts_on
        return max(self.starts_on, period_of(self.period, self.decided_at.date(), self.year_starts).start)

    def period_on(self, day: date) -> CalendarPeriod | None:
        """The part of the day's period that this budget is approved for; None on any other day."""
        return period_in_force(
            self.period, starts_on=self.covered_from, ends_on=self.ends_on, day=day, year_starts=self.year_starts
        )

    def whole_period_on(self, day: date) -> CalendarPeriod:
        """The day's period, whether or not this budget is approved for it."""
        return period_of(self.period, day, self.year_starts)

"""The ledger: money is in one account at a time, and only transfers move it."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from budgets.plans.engine.periods import Period
from budgets.plans.models import Budget, Unit, single_value, unit_number
from governance.scopes.models import Scope, ScopedQuerySet

BALANCES_FOLLOW = """
    -- Accounts are locked by ascending id before any is changed: two statements can wait, never deadlock.
    PERFORM 1 FROM budgets_account
        WHERE kind = 'budget'
          AND id IN (SELECT debit_account_id FROM new_rows UNION SELECT credit_account_id FROM new_rows)
        ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM new_rows
        JOIN budgets_account debit ON debit.id = debit_account_id
        JOIN budgets_account credit ON credit.id = credit_account_id
        WHERE debit.unit <> credit.unit
    ) THEN
        RAISE EXCEPTION 'a transfer stays within one unit' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows
        JOIN budgets_account debit ON debit.id = debit_account_id
        JOIN budgets_budget budget ON budget.id = debit.budget_id
        WHERE new_rows.kind IN ('fund', 'grant') AND new_rows.by_id IN (budget.created_by_id, budget.submitted_by_id)
    ) THEN
        RAISE EXCEPTION 'nobody grants money to a budget of their own'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE budgets_account account
    SET funded = account.funded + change.funded,
        granted_out = account.granted_out + change.granted_out,
        spent = account.spent + change.spent,
        held = account.held + change.held
    FROM (
        SELECT account_id, sum(funded) AS funded, sum(granted_out) AS granted_out, sum(spent) AS spent,
               sum(held) AS held
        FROM (
            SELECT debit_account_id AS account_id,
                   CASE WHEN kind IN ('fund', 'grant') THEN amount ELSE 0 END AS funded,
                   CASE WHEN kind = 'return' THEN -amount ELSE 0 END AS granted_out,
                   CASE WHEN kind IN ('charge', 'adjust') THEN -amount ELSE 0 END AS spent,
                   CASE WHEN kind = 'unhold' THEN -amount ELSE 0 END AS held
            FROM new_rows
            UNION ALL
            SELECT credit_account_id,
                   CASE WHEN kind = 'return' THEN -amount ELSE 0 END,
                   CASE WHEN kind IN ('fund', 'grant') THEN amount ELSE 0 END,
                   CASE WHEN kind IN ('charge', 'adjust') THEN amount ELSE 0 END,
                   CASE WHEN kind = 'hold' THEN amount ELSE 0 END
            FROM new_rows
        ) entry
        GROUP BY account_id
    ) change
    WHERE account.id = change.account_id AND account.kind = 'budget';
    IF EXISTS (
        SELECT 1 FROM new_rows
        JOIN budgets_account account ON account.id = credit_account_id
        WHERE new_rows.kind = 'hold' AND account.kind = 'budget'
          AND account.funded - account.granted_out - account.spent < account.held
    ) THEN
        RAISE EXCEPTION 'a hold takes no more than is available' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
"""

COVERAGE_CHANGED = """
    INSERT INTO budgets_coverageversion (id, version) VALUES (1, gen_random_uuid())
        ON CONFLICT (id) DO UPDATE SET version = excluded.version;
    RETURN NULL;
"""


def amount_field(help_text: str = "") -> "models.DecimalField[Any, Any]":
    """A quantity of the ledger, with nine places. The balances are changed by the transfers' trigger only."""
    return models.DecimalField(max_digits=30, decimal_places=9, default=0, editable=False, help_text=help_text)


class AccountQuerySet(ScopedQuerySet["Account"]):
    """Accounts, visible by their scope."""

    def of_budgets(self) -> Self:
        """Without the accounts where money comes from and where spending goes."""
        return self.filter(kind=Account.Kind.BUDGET)

    def overlapping(self, start: date, end: date) -> Self:
        """Budget accounts that are open on a day of [start, end)."""
        return self.of_budgets().filter(period_start__lt=end, period_end__gt=start)


class Account(models.Model):
    """One budget in one period; or, for an organisation and unit, where money comes from, where spending goes, or where
    what is held lies.

    Only budget accounts keep balances: every charge would update the row of the others.
    """

    class Kind(models.TextChoices):
        BUDGET = "budget"
        SOURCE = "source"
        SPENT = "spent"
        HELD = "held"

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.BUDGET, editable=False)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", editable=False)
    unit = models.CharField(max_length=16, choices=Unit.choices, editable=False)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, null=True, related_name="accounts", editable=False)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children", editable=False)
    period_start = models.DateField(null=True, editable=False)
    period_end = models.DateField(null=True, editable=False)
    funded = amount_field()
    granted_out = amount_field()
    spent = amount_field()
    held = amount_field()
    shortfall = amount_field()
    carried_in = amount_field("Gone on into it from the period before; below zero: overspending that it pays for.")
    carried_out = amount_field("Left it for the next period; below zero: what that paid of its overspending.")
    opened_at = models.DateTimeField(editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="account_of_a_budget_has_a_period",
                condition=Q(
                    kind="budget",
                    budget__isnull=False,
                    parent__isnull=False,
                    period_start__isnull=False,
                    period_end__isnull=False,
                )
                | (~Q(kind="budget") & Q(budget=None, parent=None, period_start=None, period_end=None)),
            ),
            models.CheckConstraint(
                name="account_ends_after_it_starts",
                condition=Q(period_end=None) | Q(period_end__gte=F("period_start")),
            ),
            models.CheckConstraint(
                name="account_never_grants_more_than_it_has",
                condition=Q(granted_out__gte=0, granted_out__lte=F("funded")),
            ),
            models.CheckConstraint(name="account_held_is_not_negative", condition=Q(held__gte=0)),
            models.CheckConstraint(name="account_shortfall_is_not_negative", condition=Q(shortfall__gte=0)),
            models.UniqueConstraint(
                name="account_one_of_each_other_kind",
                fields=["scope", "unit", "kind"],
                condition=~Q(kind="budget"),
            ),
            ExclusionConstraint(
                name="account_one_per_scope_unit_and_day",
                expressions=[
                    (single_value(F("scope_id")), RangeOperators.EQUAL),
                    (single_value(unit_number()), RangeOperators.EQUAL),
                    (
                        Func(F("period_start"), F("period_end"), function="daterange", output_field=DateRangeField()),
                        "&&",
                    ),
                ],
                condition=Q(kind="budget"),
            ),
        ]
        indexes = [
            # Read by posting and by facts: the accounts of a day.
            models.Index(name="account_by_day", fields=["period_end", "period_start"], condition=Q(kind="budget")),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="account_balances_follow_transfers",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange("funded", "granted_out", "spent", "held"),
                # Depth 1 is a statement of a client; the transfers' own trigger arrives at depth 2.
                func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION"
                " 'account %: balances are moved by transfers', OLD.id"
                " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="account_identity_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange("kind", "scope", "unit", "period_start"),
                func="RAISE EXCEPTION 'account %: never re-used for another scope, unit or period', OLD.id"
                " USING ERRCODE = 'integrity_constraint_violation';",
            ),
            pgtrigger.Trigger(
                name="account_opens_empty",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=~pgtrigger.Q(new__funded=0, new__granted_out=0, new__spent=0, new__held=0),
                func="RAISE EXCEPTION 'an account opens empty: balances are moved by transfers'"
                " USING ERRCODE = 'integrity_constraint_violation';",
            ),
            pgtrigger.Protect(name="account_is_kept", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="account_opening_changes_coverage",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                func=COVERAGE_CHANGED,
            ),
            pgtrigger.Trigger(
                name="account_end_changes_coverage",
                operation=pgtrigger.UpdateOf("period_end"),  # type: ignore[no-untyped-call]  # has no types
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                func=COVERAGE_CHANGED,
            ),
        ]

    def __str__(self) -> str:
        if self.kind != Account.Kind.BUDGET:
            return f"{self.kind} of {self.scope}"
        return f"{self.scope}, {self.period_start} to {self.period_end}"

    @property
    def available(self) -> Decimal:
        """What could still be granted, held or spent; below zero when overspent. In quantities of the ledger."""
        left: Decimal = self.funded - self.granted_out - self.spent - self.held
        return left

    @property
    def interval(self) -> Period:
        """The period; budget accounts only."""
        assert self.period_start is not None and self.period_end is not None  # noqa: PT018, S101  # budget accounts only
        return Period(self.period_start, self.period_end)


OF_CALLS = ("charge", "hold", "unhold")


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Transfers, read by account."""

    def of(self, accounts: Iterable[int]) -> Self:
        """Transfers in and out of these accounts; charges are found by the account charged only."""
        ids = list(accounts)
        return self.filter(Q(credit_account__in=ids) | (Q(debit_account__in=ids) & ~Q(kind="charge")))

    def decided(self) -> Self:
        """What people decided and what followed from it, without what calls do, of which there may be many a second."""
        return self.exclude(kind__in=OF_CALLS)


class Transfer(models.Model):
    """An amount moved out of the credit account into the debit account; units as in `budgets.plans.engine.amounts`.

    fund: source → budget · grant: parent → child · return: child → parent or source ·
    charge: budget → spent · adjust: spending moves from the debit to the credit account ·
    hold: budget → held · unhold: held → budget.
    """

    class Kind(models.TextChoices):
        FUND = "fund"
        GRANT = "grant"
        CHARGE = "charge"
        ADJUST = "adjust"
        RETURN = "return"
        HOLD = "hold"
        UNHOLD = "unhold"

    debit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debits", db_index=False)
    credit_account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credits", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    amount = models.DecimalField(max_digits=30, decimal_places=9)
    occurred_on = models.DateField()
    at = models.DateTimeField()
    reference = models.CharField(max_length=200, default="")
    reason = models.TextField(default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="transfer_amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="transfer_between_two_accounts", condition=~Q(debit_account=F("credit_account"))
            ),
        ]
        indexes = [
            # Read by the ledger of an account; transfers into a spent account are never read by account.
            models.Index(name="transfer_out", fields=["credit_account", "id"]),
            # Read by the admin: money that moved, among very many charges.
            models.Index(name="transfer_out_decided", fields=["credit_account", "id"], condition=~Q(kind__in=OF_CALLS)),
            models.Index(name="transfer_in", fields=["debit_account", "id"], condition=~Q(kind="charge")),
        ]
        triggers = [
            pgtrigger.Protect(name="transfer_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="transfer_moves_balances",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_rows"),  # type: ignore[no-untyped-call]  # has no types
                func=BALANCES_FOLLOW,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} on {self.occurred_on}"


class CoverageVersion(models.Model):
    """One row, rewritten by triggers when the account charged for usage may have become another."""

    version = models.UUIDField()

    def __str__(self) -> str:
        return str(self.version)


class WatchedLine(models.Model):
    """A line on the budgets of one unit, at ``share`` of what an account was funded with plus ``amount``: the scope of
    an account that a charge brings to it is to be evaluated at once. Without any, every whole per cent is such a line.
    """

    unit = models.CharField(max_length=10, choices=Unit.choices)
    share = models.DecimalField(max_digits=30, decimal_places=15)
    amount = models.DecimalField(max_digits=30, decimal_places=9)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="watched_line_stands_once", fields=["unit", "share", "amount"]),
        ]

    def __str__(self) -> str:
        return f"{self.share} + {self.amount} {self.unit}"

"""What a guardrail, the API and the admin read about a scope's own budget."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import F

from budgets.ledger.models import Account
from budgets.ledger.queries.usage import usage_by_day
from budgets.plans.engine.amounts import NANO, budget_quantity
from budgets.plans.engine.periods import Period
from budgets.plans.models import Budget
from governance.scopes.queries import scope_tree

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BudgetFacts:
    """A budget's current period, in the budget's unit. `used` includes the spending of sub-budgets; `remaining` may be
    negative; `available` is what could still be granted, held or spent here, after grants to sub-budgets.
    """

    budget_id: int
    amount: Decimal
    used: Decimal
    remaining: Decimal
    used_ratio: Decimal | None
    period_start: datetime
    period_end: datetime
    daily_share: Decimal
    granted_out: Decimal = ZERO
    available: Decimal = ZERO
    held: Decimal = ZERO
    shortfall: Decimal = ZERO
    carried_in: Decimal = ZERO
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Below:
    """What was spent from an account and all below it, what is held in them, and what each of them could still grant,
    hold or spend, in quantities of the ledger.
    """

    spent: Decimal
    held: Decimal
    available: Decimal


def totals_below(account_ids: Iterable[int]) -> dict[int, Below]:
    """By account. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE below (top_id, id, spent, held, available) AS (
                SELECT id, id, spent, held, funded - granted_out - spent - held
                FROM budgets_account WHERE id = ANY(%s)
                UNION ALL
                SELECT below.top_id, child.id, child.spent, child.held,
                    child.funded - child.granted_out - child.spent - child.held
                FROM below JOIN budgets_account child ON child.parent_id = below.id
            )
            SELECT top_id, sum(spent), sum(held), sum(available) FROM below GROUP BY top_id
            """,
            [list(account_ids)],
        )
        return {top_id: Below(*sums) for top_id, *sums in cursor.fetchall()}


def used_below(account_ids: Iterable[int]) -> dict[int, Decimal]:
    """Spending of each account and of all accounts below it, in quantities of the ledger. One query."""
    return {account_id: below.spent for account_id, below in totals_below(account_ids).items()}


def budget_facts(*, scope_ids: Iterable[int], unit: str, at: datetime) -> dict[int, BudgetFacts]:
    """For the scopes with an approved budget of their own in force at `at`; three queries, however many scopes."""
    day, wanted = at.date(), set(scope_ids)
    budgets = {
        budget.scope_id: budget
        for budget in Budget.objects.in_force(day).filter(unit=unit, scope_id__in=wanted)
        if budget.period_on(day) is not None
    }
    accounts = {
        account.scope_id: account
        for account in Account.objects.of_budgets().filter(
            unit=unit, scope_id__in=budgets.keys(), period_start__lte=day, period_end__gt=day
        )
    }
    used = used_below(account.pk for account in accounts.values()) if accounts else {}
    facts = {}
    for scope_id, budget in budgets.items():
        account = accounts.get(scope_id)
        facts[scope_id] = facts_of(account, used[account.pk]) if account else _facts_before_opening(budget, day)
    return facts


def facts_of(account: Account, used: Decimal) -> BudgetFacts:
    """The facts of an account, `used` in quantities of the ledger as `used_below` gives it."""
    assert account.budget_id is not None  # noqa: S101  # budget accounts only
    unit = account.unit
    return _facts(
        budget_id=account.budget_id,
        amount=budget_quantity(unit, account.funded),
        used=budget_quantity(unit, used),
        period=account.interval,
        granted_out=budget_quantity(unit, account.granted_out),
        available=budget_quantity(unit, account.available),
        held=budget_quantity(unit, account.held),
        shortfall=budget_quantity(unit, account.shortfall),
        carried_in=budget_quantity(unit, account.carried_in),
        account_id=account.pk,
    )


def _facts_before_opening(budget: Budget, day: date) -> BudgetFacts:
    """The first usage of a period opens its account, so a period without an account has had none."""
    period = budget.period_on(day) or budget.whole_period_on(day)
    return _facts(budget_id=budget.pk, amount=budget.amount, used=ZERO, period=period, available=budget.amount)


def _facts(*, budget_id: int, amount: Decimal, used: Decimal, period: Period, **more: object) -> BudgetFacts:
    return BudgetFacts(
        budget_id=budget_id,
        amount=amount,
        used=used,
        remaining=amount - used,
        used_ratio=(used / amount).quantize(NANO) if amount else None,
        period_start=period.starts_at,
        period_end=period.ends_at,
        daily_share=(amount / period.days).quantize(NANO),
        **more,  # type: ignore[arg-type]  # the remaining fields by name
    )


def facts_by_budget(budgets: Iterable[Budget], *, at: datetime) -> dict[int, BudgetFacts]:
    """By budget id, for each budget that is in force at `at`; two queries and `used_below` for each unit."""
    wanted = {(budget.scope_id, budget.unit): budget.pk for budget in budgets}
    by_budget: dict[int, BudgetFacts] = {}
    for unit in {unit for _scope, unit in wanted}:
        scope_ids = [scope_id for scope_id, of_unit in wanted if of_unit == unit]
        for facts in budget_facts(scope_ids=scope_ids, unit=unit, at=at).values():
            by_budget[facts.budget_id] = facts
    return by_budget


def last_account(budget: Budget, *, day: date) -> Account | None:
    """The account of the day's period, else the latest one before it."""
    accounts = Account.objects.of_budgets().filter(
        budget=budget, period_start__lte=day, period_end__gt=F("period_start")
    )
    return accounts.order_by("-period_start").first()


def spent_by_day(account: Account) -> Mapping[date, Decimal]:
    """Usage of the account's scope and all below it, by day of its period, in the budget's unit."""
    scopes = scope_tree().descendants(account.scope_id)
    period, unit = account.interval, account.unit
    quantities: dict[date, Decimal] = {}
    for item in usage_by_day(unit=unit, scope_ids=scopes, since=period.start, until=period.end):
        quantities[item.day] = quantities.get(item.day, ZERO) + item.quantity
    return {day: budget_quantity(unit, quantity) for day, quantity in quantities.items()}

"""What a period that has ended leaves to the next: entries at its close, made right when charges come late."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Sum

from budgets.ledger.engine.carrying import Carried, Carrying, CarryTerms, Closing, carry
from budgets.ledger.models import Account, AccountQuerySet
from budgets.ledger.operations.entries import balance_of, write_entries
from budgets.plans.engine.amounts import budget_quantity, ledger_quantity, plain, spoken
from budgets.plans.models import Budget
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree

# Usage that comes later than this after its period has ended changes what that period says, and carries nothing more.
KEPT_OPEN = timedelta(days=62)
UNSPENT = (Budget.CarryOver.UNSPENT, Budget.CarryOver.BOTH)
OVERSPEND = (Budget.CarryOver.OVERSPEND, Budget.CarryOver.BOTH)


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What an account that has ended has left to the next one by now."""

    budget: Budget
    ended: Account
    carried: Carried


def organisations_that_carry(at: datetime) -> set[int]:
    """The ids of organisations in which periods that carry over have ended of late."""
    nodes = scope_tree().by_id
    return {nodes[scope_id].root_id for scope_id in _closed(at).order_by().values_list("scope_id", flat=True)}


def has_to_carry(*, root_id: int, at: datetime) -> bool:
    """Whether something has to move. Reads alone, without a lock: who moves looks again."""
    scope_ids = scope_tree().descendants(root_id)
    return any(_carrying(ended_on, scope_ids)[1].changed for ended_on in _closes(at, scope_ids))


def carry_over(*, root_id: int, at: datetime) -> list[CarriedOver]:
    """Moves what is missing, close by close, the earliest first, and returns it. Call under the opening lock, when the
    accounts of the day are open; `record_carried` comes last.
    """
    scope_ids = scope_tree().descendants(root_id)
    done: list[CarriedOver] = []
    for ended_on in _closes(at, scope_ids):
        accounts, carrying = _carrying(ended_on, scope_ids)
        write_entries(carrying.entries, on=at.date(), at=at, reference=f"carry-over at the close of {ended_on}")
        for each in carrying.changed:
            Account.objects.filter(pk=each.closing.ended).update(carried_out=each.carried_out)
            Account.objects.filter(pk=each.closing.following).update(
                carried_in=each.carried_in, shortfall=each.shortfall
            )
            account = accounts[each.closing.ended]
            assert account.budget is not None  # noqa: S101  # budget accounts only
            done.append(CarriedOver(account.budget, account, each))
    return done


def record_carried(carried_over: Iterable[CarriedOver], *, at: datetime) -> None:
    """A decision record for each close; what late charges change of it later is in the transfers. Call it last: it
    takes the lock of the chain.
    """
    for each in carried_over:
        if each.carried.closing.carried_in:
            continue
        budget, unit = each.budget, each.budget.unit
        amount = budget_quantity(unit, each.carried.carried_in)
        words = "was not spent and goes on" if amount > 0 else "was overspent and is paid for"
        record_decision(
            actor=Actor.system(),
            action="budget.carry_over",
            scope=budget.scope,
            subject=f"budget:{budget.pk}",
            reason=f"{spoken(unit, abs(amount), budget.currency)} of the period from {each.ended.period_start} {words}"
            " in the next.",
            evidence={
                "account": each.ended.pk,
                "following": each.carried.closing.following,
                "carried": plain(amount),
                "missing": plain(budget_quantity(unit, each.carried.shortfall - each.carried.closing.shortfall)),
            },
            at=at,
        )


def _closed(at: datetime) -> AccountQuerySet:
    """Accounts that carry over and have ended of late."""
    carrying = Account.objects.of_budgets().exclude(budget__carry_over=Budget.CarryOver.NONE)
    return carrying.filter(period_end__gt=at.date() - KEPT_OPEN, period_end__lte=at.date())


def _closes(at: datetime, scope_ids: Collection[int]) -> list[date]:
    days = _closed(at).filter(scope_id__in=scope_ids).order_by("period_end").values_list("period_end", flat=True)
    return [day for day in days.distinct() if day is not None]


def _carrying(ended_on: date, scope_ids: Collection[int]) -> tuple[dict[int, Account], Carrying]:
    """The accounts that ended on the day, by id, and what has to move of them."""
    ended = Account.objects.of_budgets().filter(period_end=ended_on, scope_id__in=scope_ids)
    carrying = ended.exclude(budget__carry_over=Budget.CarryOver.NONE).select_related("budget__scope")
    # An account that a person ended early has given back what it had.
    whole = {
        account.pk: account
        for account in carrying
        if account.budget is not None and account.budget.whole_period_on(account.interval.start).end == ended_on
    }
    following = {
        (account.scope_id, account.unit): account
        for account in Account.objects.of_budgets().filter(
            period_start=ended_on, scope_id__in={account.scope_id for account in whole.values()}
        )
    }
    pairs = [
        (account, following[account.scope_id, account.unit])
        for account in whole.values()
        if (account.scope_id, account.unit) in following
    ]
    if not pairs:
        return whole, Carrying()
    parents = Account.objects.filter(pk__in={pk for pair in pairs for pk in (pair[0].parent_id, pair[1].parent_id)})
    accounts = {account.pk: account for pair in pairs for account in pair} | {each.pk: each for each in parents}
    return whole, carry(
        [_closing(*pair) for pair in pairs],
        {pk: balance_of(account) for pk, account in accounts.items()},
        overspent_below=_overspent_below(whole),
        sources=frozenset(each.pk for each in parents if each.kind == Account.Kind.SOURCE),
    )


def _closing(ended: Account, following: Account) -> Closing:
    budget = ended.budget
    assert budget is not None and ended.parent_id is not None and following.parent_id is not None  # noqa: PT018, S101  # budget accounts only
    most = ledger_quantity(ended.unit, budget.carry_over_max) if budget.carry_over_max is not None else None
    return Closing(
        ended=ended.pk, ended_parent=ended.parent_id, following=following.pk, following_parent=following.parent_id,
        depth=budget.scope.depth,
        terms=CarryTerms(unspent=budget.carry_over in UNSPENT, overspend=budget.carry_over in OVERSPEND, most=most),
        carried_in=following.carried_in, carried_out=ended.carried_out, shortfall=following.shortfall,
    )  # fmt: skip


def _overspent_below(account_ids: Iterable[int]) -> dict[int, Decimal]:
    left = F("funded") - F("granted_out") - F("spent") - F("held")
    below = Account.objects.filter(parent__in=list(account_ids)).annotate(left=left).filter(left__lt=0)
    return {pk: -total for pk, total in below.order_by().values_list("parent").annotate(Sum("left"))}

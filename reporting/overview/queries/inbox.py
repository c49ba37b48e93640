"""What waits for a person's decision on money: how much of each kind, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q

from budgets.approvals.models import EndProposal, GrantProposal
from budgets.approvals.queries import waiting_for
from budgets.plans.models import Budget
from budgets.requests.queries.inbox import requests_waiting_for
from governance.people.rules import Actor, has_finance_rights

SUBMITTED, APPROVED = Budget.Status.SUBMITTED, Budget.Status.APPROVED


@dataclass(frozen=True, slots=True)
class Waits:
    """So many of one kind; `page` and `asked` are the list that shows them."""

    count: int
    one: str
    many: str
    since: datetime | None
    at: datetime
    page: str
    asked: str

    @property
    def name(self) -> str:
        return f"{self.count:,} {self.one if self.count == 1 else self.many}"

    @property
    def age(self) -> str:
        days = (self.at - self.since).days if self.since is not None else 0
        return "since today" if days < 1 else f"for {days} day{'' if days == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Inbox:
    """`is_shown` to who decides on money, also where nothing waits, and to whoever something waits for."""

    is_shown: bool
    waits: Sequence[Waits]


def inbox(actor: Actor, *, at: datetime) -> Inbox:
    """What waits for the actor, the longest waiting kind first. As many queries however much there is."""
    waits = _waits(actor, at) if actor.user is not None else []
    return Inbox(bool(waits) or (actor.user is not None and has_finance_rights(actor.user)), waits)


def _waits(actor: Actor, at: datetime) -> list[Waits]:
    requests = requests_waiting_for(actor, at=at)
    budgets: Any = waiting_for(actor, at=at)
    found = budgets.aggregate(
        proposals=Count("pk", filter=Q(status=SUBMITTED)), proposed=Min("submitted_at", filter=Q(status=SUBMITTED)),
        grants=Count("pk", filter=Q(grant_waits=True, status=APPROVED)), ends=Count("pk", filter=Q(end_waits=True)),
    )  # fmt: skip
    kinds = (
        (
            len(requests), "request for more", "requests for more",
            min((each.submitted_at for each in requests if each.submitted_at), default=None),
            "admin:budgets_quotarequest_changelist", "state=waiting",
        ),
        (
            found["proposals"], "proposed budget", "proposed budgets", found["proposed"],
            "admin:budgets_budget_changelist", "status__exact=submitted",
        ),
        (
            found["grants"], "grant that needs a second person", "grants that need a second person",
            _first(GrantProposal.objects.waiting(), budgets.filter(grant_waits=True, status=APPROVED), actor),
            "admin:budgets_budget_changelist", "waiting=decision",
        ),
        (
            found["ends"], "end that needs a second person", "ends that need a second person",
            _first(EndProposal.objects.open_at(at), budgets.filter(end_waits=True), actor),
            "admin:budgets_budget_changelist", "waiting=decision",
        ),
    )  # fmt: skip
    return _oldest_first(
        Waits(count, one, many, since, at, page, asked) for count, one, many, since, page, asked in kinds if count
    )


def _first(proposals: Any, budgets: Any, actor: Actor) -> datetime | None:
    rows = proposals.filter(budget__in=budgets.values("pk")).exclude(proposed_by=actor.user)
    since: datetime | None = rows.aggregate(since=Min("proposed_at"))["since"]
    return since


def _oldest_first(waits: Iterable[Waits]) -> list[Waits]:
    return sorted(waits, key=lambda each: each.since or each.at)

"""Where the money is: an account, what it kept, and the accounts below it, so that the sums can be seen to agree."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from budgets.ledger.admin.show import in_unit
from budgets.ledger.models import Account
from budgets.ledger.queries.tree import LINES, Division, Line, Parts, divided, topmost
from governance.pages.admin.base import acting
from governance.people.rules import Actor

PLACES_MAX = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; with an address where there is more to open."""

    name: str
    note: str
    amounts: tuple[str, ...]
    difference: str
    address: str = ""


def tree_page(request: HttpRequest) -> HttpResponse:
    """Without an account the topmost that the person sees."""
    if not request.user.has_perm("budgets.view_account"):
        raise PermissionDenied
    actor = acting(request)
    context = {
        **admin.site.each_context(request),
        "opts": Account._meta,  # noqa: SLF001  # Django's public introspection, whatever its name
        "title": "Where the money is",
        "page": reverse("admin:budgets_tree"),
    }
    if "account" in request.GET:
        account = _account_asked(request.GET["account"], actor)
        division = divided(account, first=_number(request.GET.get("first", "0")))
        context |= _of_account(division) | {"above": _above(account, actor)}
    else:
        context["rows"] = [_row(line) for line in topmost(actor, day=timezone.now().date())]
    return TemplateResponse(request, "budgets/ledger/tree.html", context)


def _account_asked(text: str, actor: Actor) -> Account:
    rows = Account.objects.visible_to(actor).of_budgets().select_related("scope", "budget", "parent__scope")
    account = rows.filter(pk=_number(text)).first()
    if account is None:
        raise Http404("There is no such account, or it is not yours to see.")
    return account


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= PLACES_MAX else 0


def _above(account: Account, actor: Actor) -> Account | None:
    """The account that it was granted from, where the person sees it."""
    parent = account.parent
    if parent is None or parent.kind != Account.Kind.BUDGET or not actor.sees(parent.scope.path):
        return None
    return parent


def _of_account(division: Division) -> dict[str, object]:
    account, whole = division.whole.account, division.whole.parts
    added = division.added
    until = division.first + len(division.lines)
    return {
        "account": account,
        "budget_id": account.budget_id,
        "whole": _row_of(account, f"The whole of {account.scope.path}", _days(account), whole),
        "kept": _row_of(account, "Kept here, granted to nobody", "the reserve", division.kept),
        "rows": [_row(line) for line in division.lines],
        "others": _row_of(account, f"{division.others_count:,} others", "", division.others)
        if division.others_count
        else None,
        "before": _address(account, max(division.first - LINES, 0)) if division.first else "",
        "after": _address(account, until) if division.others_count and until < _count(division) else "",
        "added": _row_of(account, "Added up", "", added),
        "agrees": added == whole and not whole.difference,
        "lost": [
            (name, in_unit(account, had - found))
            for name, had, found in (
                ("allocated", whole.allocated, added.allocated), ("spent", whole.spent, added.spent),
                ("held", whole.held, added.held), ("available", whole.available, added.available),
            )
            if had != found
        ],
    }  # fmt: skip


def _count(division: Division) -> int:
    return len(division.lines) + division.others_count


def _row(line: Line) -> Row:
    account = line.account
    address = _address(account) if line.has_below else ""
    return _row_of(account, account.scope.path, _days(account), line.parts, address=address)


def _days(account: Account) -> str:
    return f"{account.interval.start} to {account.interval.last_day}"


def _row_of(account: Account, name: str, note: str, parts: Parts, *, address: str = "") -> Row:
    amounts = (parts.allocated, parts.spent, parts.held, parts.available)
    return Row(
        name,
        note,
        tuple(in_unit(account, amount) for amount in amounts),
        _difference(account, parts.difference),
        address,
    )


def _difference(account: Account, difference: Decimal) -> str:
    return in_unit(account, difference) if difference else ""


def _address(account: Account, first: int = 0) -> str:
    asked = {"account": account.pk} | ({"first": first} if first else {})
    return f"{reverse('admin:budgets_tree')}?{urlencode(asked)}"

"""How things read in the admin. Thousands are separated; money is said to the cent, unless it is smaller than one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

CENT = Decimal("0.01")
NOTHING = "–"


def money(amount: Decimal | None, currency: str = "") -> str:
    """1,234.50 USD; 0.0125 where a cent is too coarse, to three digits that say something."""
    if amount is None:
        return NOTHING
    if amount and abs(amount) < CENT:
        small = f"{Decimal(f'{amount:.3g}'):f}"
        return f"{small.rstrip('0') if '.' in small else small} {currency}".strip()
    return f"{amount.quantize(CENT):,f} {currency}".strip()


def count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


def money_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    """A column or read-only field for the model's field `name`."""
    return _shown(name, label, money)


def count_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    return _shown(name, label, count)


def _shown(name: str, label: str, say: Callable[[Any], str]) -> Callable[[Any], str]:
    @admin.display(description=label or name.replace("_", " "), ordering=name)
    def shown(row: Any) -> str:
        return say(getattr(row, name))

    return shown


def file_name(source: str) -> str:
    """`organisation.yaml` for wherever it lay; what is no path stays as it is."""
    return PurePath(source).name if source else NOTHING


@admin.display(description="scope", ordering="scope__path")
def scope_link(row: Any) -> SafeString | str:
    """For rows with a scope, which the list selects with them."""
    if row.scope is None:
        return NOTHING
    page = reverse("admin:governance_scope_change", args=[row.scope_id])
    return format_html('<a href="{}" class="text-link">{}</a>', page, row.scope.path)

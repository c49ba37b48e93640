"""How values look in the admin: thousands separated, money to the cent unless it is less than one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.charts.engine.colours import BAD, GOOD, NEAR
from governance.charts.engine.numbers import NOTHING, count, money, percent

WARNING_FROM = Decimal("0.8")


def money_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    """A column or read-only field for the model's field `name`."""
    return _column(name, label, money)


def count_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    """As `money_of`, for a count."""
    return _column(name, label, count)


def _column(name: str, label: str, formatted: Callable[[Any], str]) -> Callable[[Any], str]:
    @admin.display(description=label or name.replace("_", " "), ordering=name)
    def column(row: Any) -> str:
        return formatted(getattr(row, name))

    return column


def used_bar(ratio: Decimal | None) -> SafeString | str:
    """A bar that is legible in both themes and shows its number, so that colour is never the only sign."""
    if ratio is None:
        return NOTHING
    colour = BAD if ratio >= 1 else NEAR if ratio >= WARNING_FROM else GOOD
    width = max(min(ratio * 100, Decimal(100)), Decimal(0))
    return format_html(
        '<span style="display:flex;align-items:center;gap:.5rem;min-width:9rem">'
        '<span role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{}" aria-label="used"'
        ' style="flex:1;height:.5rem;border-radius:.25rem;background:rgb(128 128 128 / .25);overflow:hidden">'
        '<span style="display:block;height:100%;width:{}%;background:{}"></span></span>'
        '<span style="font-variant-numeric:tabular-nums;white-space:nowrap">{}</span></span>',
        f"{width:.0f}",
        f"{width:.1f}",
        colour,
        percent(ratio),
    )


def file_name(source: str) -> str:
    """`organisation.yaml`, without its folder; any other text stays as it is."""
    return PurePath(source).name if source else NOTHING


@admin.display(description="scope", ordering="scope__path")
def scope_link(row: Any) -> SafeString | str:
    """A link to the row's scope, which the list selects with its rows."""
    if row.scope is None:
        return NOTHING
    page = reverse("admin:governance_scope_change", args=[row.scope_id])
    return format_html('<a href="{}" class="text-link">{}</a>', page, row.scope.path)

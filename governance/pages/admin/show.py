"""How values look in the admin: thousands separated, money to the cent unless it is less than one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import PurePath
from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import DecimalField, IntegerField
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.charts.engine.colours import BAD, GOOD, NEAR
from governance.charts.engine.numbers import NOTHING, count, exact_quantity, money, percent
from governance.scopes.queries import scope_tree

MethodT = TypeVar("MethodT", bound=Callable[..., Any])
WARNING_FROM = Decimal("0.8")
PAGE_AGE_S = 0.25


def money_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    """A column or read-only field for the model's field `name`, in the row's own currency or its organisation's."""
    column = _column(name, label, lambda row: money(getattr(row, name), currency_of(row)))
    column.is_money = True  # type: ignore[attr-defined]  # read by the export, which has numbers without a currency
    return column


def currency_of(row: Any) -> str:
    """The currency that the row names, else that of the organisation of its scope; empty where it has neither."""
    if own := getattr(row, "currency", ""):
        return str(own)
    scope_id = getattr(row, "scope_id", None) or getattr(row, "organisation_id", None) or 0
    # A list asks for each of its cells.
    node = scope_tree(max_age_s=PAGE_AGE_S).by_id.get(scope_id) or scope_tree().by_id.get(scope_id)
    return node.currency if node is not None else ""


def count_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    """As `money_of`, for a count."""
    return _column(name, label, lambda row: count(getattr(row, name)))


def quantity_of(name: str, *, label: str = "") -> Callable[[Any], str]:
    """As `money_of`, for a quantity: whole, or with the decimal places that it has."""
    return _column(name, label, lambda row: exact_quantity(getattr(row, name)))


def number_column(method: MethodT) -> MethodT:
    """Sets the column of an admin's method to the right, as numbers are; stands above `admin.display`."""
    method.is_number = True  # type: ignore[attr-defined]  # read by `columns_of`, as Django reads what `display` sets
    return method


def columns_of(page: Any) -> tuple[Any, ...]:
    """The columns of an admin's list, with those that hold numbers set to the right and whole numbers in thousands."""
    return tuple(_set(page, column) for column in page.list_display)


def _set(page: Any, column: Any) -> Any:
    if not isinstance(column, str):
        return column
    method = getattr(page, column, None)
    if getattr(method, "is_number", False):
        return _named_number(method)
    field = next((field for field in page.model._meta.fields if field.name == column), None)  # noqa: SLF001  # Django's own
    if isinstance(field, IntegerField) and not field.choices and not field.primary_key:
        return count_of(column, label=str(field.verbose_name))
    return quantity_of(column, label=str(field.verbose_name)) if isinstance(field, DecimalField) else column


def _named_number(method: Any) -> Callable[[Any], Any]:
    def number(row: Any) -> Any:
        return method(row)

    number.__dict__.update({"short_description": method.__name__.replace("_", " "), **method.__func__.__dict__})
    return number


def _column(name: str, label: str, formatted: Callable[[Any], str]) -> Callable[[Any], str]:
    """Its name becomes the class of the column's cells, by which the style sheet sets numbers to the right."""

    @admin.display(description=label or name.replace("_", " "), ordering=name)
    def number(row: Any) -> str:
        return formatted(row)

    return number


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

"""Pages of the admin's lists."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

ROWS_COUNTED_MAX = 10_000


class MoreThan(int):
    """A number that was reached when counting ended; written "more than 10,000" wherever a page shows it."""

    def __str__(self) -> str:
        return f"more than {int(self):,}"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Not subscriptable at run time.
    """Counts ROWS_COUNTED_MAX rows and one more, since counting every row of a table of millions takes seconds. Pages
    end there: what lies further is found by filter, by search or over HTTP.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: ROWS_COUNTED_MAX + 1].count()
        return counted if counted <= ROWS_COUNTED_MAX else MoreThan(ROWS_COUNTED_MAX)

"""Pages of every list, by cursor."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as FieldRefusal
from django.db import DataError
from rest_framework import exceptions, pagination

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class CursorPagination(pagination.CursorPagination):
    """Pages that stay right while rows are added; a list states its order with `pages_by`."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "limit"
    ordering = "-id"
    # Rows with equal positions are counted by offset: an import of one day may have this many.
    offset_cutoff = 1_000_000

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, FieldRefusal, ValueError, DataError):
            if self.cursor_query_param not in request.query_params:
                raise
            # The cursor's position is text from the client, which the database field parses.
            raise exceptions.ValidationError({"cursor": ["This is no cursor of this list."]}) from None

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """As OpenAPI 3.1 writes it: the first and the last page have no address on one side."""
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": address, "previous": address, "results": schema},
        }


@cache
def pages_by(*ordering: str) -> type[CursorPagination]:
    """Pagination in an order in which no two rows are equal."""
    return type("Pages", (CursorPagination,), {"ordering": ordering})

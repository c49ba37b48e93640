from rest_framework import pagination


class CursorPagination(pagination.CursorPagination):
    """Pages that stay right while rows are added. A view orders by its own `ordering`."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "limit"
    ordering = "-id"

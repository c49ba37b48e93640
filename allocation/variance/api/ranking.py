"""Cursor pages of a ranking that is computed for each request, with the parameters of every other list."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import TypeVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

ROWS_AT_ONCE, ROWS_AT_ONCE_MAX = 100, 1000
# Sorts before every row.
START = (-(10**40), "")
Place = tuple[int, str]
RowT = TypeVar("RowT")


def ranking_page(
    request: Request, rows: Sequence[RowT], *, key: Callable[[RowT], Place]
) -> tuple[Sequence[RowT], dict[str, str | None]]:
    """`rows` in the order of `key`. A cursor names the last row before its page, so that pages stay right while the
    amounts of others change.
    """
    size = _size(request)
    keys = [key(row) for row in rows]
    cursor = request.query_params.get("cursor")
    before = START if cursor is None else _place(cursor)
    start = sum(place <= before for place in keys)
    end = start + size

    def link(first: int) -> str:
        amount, name = keys[first - 1] if first > 0 else START
        text = urlsafe_b64encode(f"{amount} {name}".encode()).decode()
        return replace_query_param(request.build_absolute_uri(), "cursor", text)

    return rows[start:end], {
        "next": link(end) if end < len(rows) else None,
        "previous": link(max(start - size, 0)) if start else None,
    }


def _size(request: Request) -> int:
    limit = request.query_params.get("limit", "")
    return min(max(int(limit), 1), ROWS_AT_ONCE_MAX) if limit.isascii() and limit.isdigit() else ROWS_AT_ONCE


def _place(cursor: str) -> Place:
    try:
        amount, _, name = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return int(amount), name
    except (NotBase64, ValueError):
        raise serializers.ValidationError({"cursor": ["This is no cursor of this list."]}) from None

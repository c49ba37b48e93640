"""Validities as a filter of rows."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Q


def in_force(at: date | datetime, *, since: str, until: str) -> Q:
    """Rows with `at` in [since, until), by the names of the fields; for rows that all have a beginning.
    `governance.calendar.engine.is_in_force` is the same in Python.
    """
    return Q(**{f"{since}__lte": at}) & (Q(**{f"{until}__isnull": True}) | Q(**{f"{until}__gt": at}))

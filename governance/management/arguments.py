"""What commands read from their arguments, and how they show a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.core.management.base import CommandError

from governance.errors import DomainError
from governance.people.rules import Actor
from governance.scopes.models import Scope

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def operator() -> Actor:
    """Whoever may run commands has the database and its secrets, so the installation itself acts."""
    return Actor.system("command line")


@contextmanager
def refusals_as_sentences() -> Iterator[None]:
    """A DomainError ends the command with its sentence."""
    try:
        yield
    except DomainError as refused:
        raise CommandError(refused.detail) from None


def scope_at(path: str) -> Scope:
    """The scope at `path`; CommandError when there is none."""
    scope = Scope.objects.filter(path=path).first()
    if scope is None:
        raise CommandError(f"There is no scope {path}.")
    return scope


def span(text: str) -> timedelta:
    """`90d`, `12h` or `30m`; CommandError for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if match is None:
        raise CommandError(f"{text!r} is no span of time; write 90d, 12h or 30m.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})

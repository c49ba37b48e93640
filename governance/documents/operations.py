"""Documents are stored as versions: a changed document is a new row, never an edit."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from governance.documents.documents.base import Change, NamedMetadata
from governance.documents.models import Versioned
from governance.errors import DomainError, NotFound
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope

DIFFERENCES_SHOWN = 50
VersionedT = TypeVar("VersionedT", bound=Versioned)


class Declared(Protocol):
    """A document whose spec names its `organisation`."""

    @property
    def kind(self) -> str: ...

    @property
    def metadata(self) -> NamedMetadata: ...

    @property
    def spec(self) -> BaseModel: ...


class OtherOrganisation(DomainError):
    """A document of this name belongs to another organisation."""

    code = "name_taken"


def organisation_of(slug: str, *, locked: bool = False) -> Scope:
    """The organisation with this slug; NotFound (`scope_unknown`). `locked` makes those who apply documents of one
    organisation wait for each other.
    """
    scopes = Scope.objects.select_for_update(of=("self",)) if locked else Scope.objects.all()
    organisation = scopes.filter(path=slug, parent__isnull=True).first()
    if organisation is None:
        raise NotFound(f"There is no organisation {slug}; apply its Scope document first.", code="scope_unknown")
    return organisation


def scopes_at(paths: Iterable[str]) -> dict[str, Scope]:
    """The scopes by path; NotFound (`scope_unknown`) for the first one that is missing."""
    wanted = set(paths)
    scopes = {scope.path: scope for scope in Scope.objects.filter(path__in=wanted)}
    missing = sorted(wanted - scopes.keys())
    if missing:
        raise NotFound(f"There is no scope {missing[0]}; apply its Scope document first.", code="scope_unknown")
    return scopes


def current_version(model: type[VersionedT], name: str) -> VersionedT | None:
    """The version in force of this name, if any."""
    version: VersionedT | None = model._default_manager.filter(name=name, is_current=True).first()  # noqa: SLF001  # Django's way to any model's rows
    return version


def change_of(document: Declared, current: Versioned | None, *listed: str) -> Change:
    """What applying the document would change; OtherOrganisation when the name is taken. `listed` are the fields whose
    entries are compared one by one.
    """
    name, content = document.metadata.name, _content(document)
    if current is None:
        return Change(kind=document.kind, name=name, action="create")
    if current.organisation.path != content["organisation"]:
        raise OtherOrganisation(f"{document.kind} {name} belongs to {current.organisation.path}; choose another name.")
    if current.digest == _digest(document):
        return Change(kind=document.kind, name=name, action="unchanged")
    return Change(
        kind=document.kind,
        name=name,
        action="update",
        differences=differences(current.document, content, *listed),
    )


def differences(before: dict[str, Any], after: dict[str, Any], *listed: str) -> tuple[str, ...]:
    """Sentences for what changed, field by field, for `listed` fields entry by entry; DIFFERENCES_SHOWN at most."""
    others = [
        f"{key}: {before.get(key)} → {after.get(key)}"
        for key in sorted((before.keys() | after.keys()) - {*listed})
        if before.get(key) != after.get(key)
    ]
    entries = [line for name in listed for line in _entry_differences(before.get(name, ()), after.get(name, ()))]
    lines = [*others, *entries] or [f"{' or '.join(listed)}: other order"]
    more = len(lines) - DIFFERENCES_SHOWN
    return (*lines[:DIFFERENCES_SHOWN], *((f"… and {more} more",) if more > 0 else ()))


def _entry_differences(before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]) -> list[str]:
    """Compared as text, for lists of thousands; JSON from the database orders fields differently."""
    old, new = ({dumps(entry, sort_keys=True): entry for entry in entries} for entries in (before, after))
    gone = [f"- {_line(entry)}" for text, entry in old.items() if text not in new]
    return gone + [f"+ {_line(entry)}" for text, entry in new.items() if text not in old]


def _line(entry: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in entry.items())


def _content(document: Declared) -> dict[str, Any]:
    content: dict[str, Any] = document.spec.model_dump(mode="json", exclude_none=True)
    return content


def _digest(document: Declared) -> str:
    return sha256(document.spec.model_dump_json(exclude_none=True).encode()).hexdigest()


def version_fields(
    document: Declared, current: Versioned | None, organisation: Scope, actor: Actor, at: datetime
) -> dict[str, Any]:
    """The fields of the next version's row."""
    return {
        "name": document.metadata.name,
        "version": current.version + 1 if current else 1,
        "organisation": organisation,
        "digest": _digest(document),
        "document": _content(document),
        "applied_at": at,
        "applied_by": actor.label,
    }


def replace_version(version: Versioned) -> None:
    """Stores the version as the current one of its name."""
    rows = type(version)._default_manager.filter(name=version.name, is_current=True)  # noqa: SLF001  # as above
    rows.update(is_current=False)
    version.save(force_insert=True)


def record_version(
    change: Change, action: str, version: Versioned, actor: Actor, at: datetime, *, reason: str = ""
) -> None:
    """The decision record of a version that was stored. Call it last: it takes the lock of the chain."""
    record_decision(
        actor=actor,
        action=action,
        scope=version.organisation,
        subject=change.subject,
        reason=reason,
        evidence={"version": version.version, "digest": version.digest, "differences": list(change.differences)},
        at=at,
    )

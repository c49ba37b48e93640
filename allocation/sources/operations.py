"""Applies documents of senders: a changed document becomes a new version, never an edit."""

from datetime import datetime

from django.db import transaction

from allocation.sources.documents import UsageSourceDocument
from allocation.sources.models import UsageSource
from governance.documents import Change
from governance.documents.operations import (
    change_of,
    current_version,
    organisation_of,
    record_version,
    replace_version,
    version_fields,
)
from governance.errors import DomainError, NotFound
from governance.people.models import ApiKey
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import at_or_below


class SourceDeclared(DomainError):
    """Another document says what is agreed on with this sender."""

    code = "source_declared"


@transaction.atomic
def apply_usage_source(document: UsageSourceDocument, *, actor: Actor, at: datetime) -> Change:
    """Makes a changed document the current version, for records that come in from then on. Raises NotFound for an
    unknown organisation (`scope_unknown`) or a Weir key that is not the organisation's (`key_unknown`), and
    SourceDeclared.
    """
    spec = document.spec
    organisation = organisation_of(spec.organisation, locked=True)
    check_may_change(actor, "allocation.usagesource", organisation.path)
    current = current_version(UsageSource, document.metadata.name)
    change = change_of(document, current)
    if change.action == "unchanged":
        return change
    keys = ApiKey.objects.filter(at_or_below((organisation.path,), "scope__path"))
    if spec.weir_key and not keys.filter(prefix=spec.weir_key).exists():
        raise NotFound(
            f"There is no Weir API key {spec.weir_key} in {organisation.path}; `weir keys list` shows those there are.",
            code="key_unknown",
        )
    sender = {"source": spec.source or "", "weir_key": spec.weir_key or ""}
    declared = UsageSource.objects.filter(is_current=True, organisation=organisation, **sender)
    other = declared.exclude(name=document.metadata.name).first()
    if other is not None:
        raise SourceDeclared(f"UsageSource {other.name} says what holds for this sender; change that document.")
    version = UsageSource(
        **sender,
        ids_are_unique=spec.identity == "id",
        price=spec.price or "",
        **version_fields(document, current, organisation, actor, at),
    )
    replace_version(version)
    record_version(change, "usage_source.apply", version, actor, at)
    return change

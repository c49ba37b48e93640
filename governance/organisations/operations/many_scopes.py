"""Applying thousands of Scope documents: what is stored is read once, new scopes are inserted together, and recorded
together at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction

from governance.documents import Change
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations.declared_scopes import apply_scope, is_as_declared, stored_owners
from governance.organisations.operations.scopes import ScopeExists, checked_scope, evidence_of_new
from governance.people.rules import Actor
from governance.records.operations import Decided, record_decisions
from governance.scopes.models import UNATTRIBUTED_SLUG, Scope

PORTION = 1_000


class ScopeApplication:
    """One apply of Scope documents, parents before children, in one transaction: `apply` for each, then `finish`. What
    is stored and recorded is as `apply_scope` does it, in the same order. The chain of decision records is locked by
    `finish` only, or when a document does more than create a scope.
    """

    def __init__(self, paths: Iterable[str], *, actor: Actor, at: datetime) -> None:
        """`paths` are those of all documents."""
        self._actor, self._at = actor, at
        wanted = {above for path in paths for above in (path, path.rpartition("/")[0])}
        self._known = {scope.path: scope for scope in Scope.objects.filter(path__in=wanted)}
        # Of those that no document of this apply has changed.
        self._owners = stored_owners(scope.pk for scope in self._known.values())
        self._new: dict[str, Scope] = {}
        self._decided: list[Scope] = []

    def apply(self, document: ScopeDocument) -> Change:
        """Raises as `apply_scope`; ScopeExists may come with a later document or from `finish`."""
        path, spec = document.metadata.name, document.spec
        parent_path, _, slug = path.rpartition("/")
        parent = self._known.get(parent_path)
        held = self._known.get(path)
        if held is not None and held.pk in self._owners and is_as_declared(held, document, self._owners[held.pk]):
            return Change("Scope", path, "unchanged")
        if held is not None or parent is None or spec.owners is not None or slug == UNATTRIBUTED_SLUG:
            return self._alone(document)
        scope = checked_scope(
            slug=slug, kind=spec.kind, actor=self._actor, parent=parent, name=document.metadata.title,
            practice=spec.practice, environment=spec.environment, criticality=spec.criticality, labels=spec.labels,
            currency=spec.currency or "",
        )  # fmt: skip
        if parent.path in self._new or len(self._new) == PORTION:
            self._insert()
            scope.parent = parent
        scope.path = path
        self._known[path] = scope
        self._new[path] = scope
        self._decided.append(scope)
        return Change("Scope", path, "create")

    def finish(self) -> None:
        """Insert and record what is left."""
        self._insert()
        record_decisions(
            [
                Decided(
                    action="scope.create",
                    scope_id=scope.pk,
                    scope_path=scope.path,
                    subject=f"scope:{scope.path}",
                    reason="",
                    evidence=evidence_of_new(scope),
                )
                for scope in self._decided
            ],
            actor=self._actor,
            at=self._at,
        )
        self._decided = []

    def _alone(self, document: ScopeDocument) -> Change:
        if self._decided:
            self.finish()
        change = apply_scope(document, actor=self._actor, at=self._at)
        if change.action != "unchanged":
            scope = Scope.objects.get(path=document.metadata.name)
            self._known[scope.path] = scope
            self._owners.pop(scope.pk, None)
        return change

    def _insert(self) -> None:
        if not self._new:
            return
        try:
            with transaction.atomic():
                Scope.objects.bulk_create(self._new.values())
        except IntegrityError as refused:
            if "unique" not in str(refused):
                raise
            raise ScopeExists("One of these scopes was created meanwhile; apply again.") from None
        self._new = {}

"""The tree of scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pgtrigger
from django.db import models
from django.db.models import Q

from governance.memory.models import tells_of
from governance.scopes.engine import UNATTRIBUTED_SLUG
from governance.scopes.models.visibility import ScopedQuerySet, at_or_below

if TYPE_CHECKING:
    # django-tree-queries has no types; this is what the type checker needs of it.
    from django.db.models import Model as TreeNode

    class TreeMixin: ...
else:
    from tree_queries.models import TreeNode
    from tree_queries.query import TreeQuerySet as TreeMixin

SLUG_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
PATH_LENGTH_MAX = 1000


class ScopeKind(models.TextChoices):
    """What a scope is in its organisation."""

    ORGANISATION = "organisation"
    BUSINESS_UNIT = "business_unit"
    TEAM = "team"
    PRODUCT = "product"
    WORKLOAD = "workload"
    AGENT = "agent"


class Practice(models.TextChoices):
    """Whether the spend is AI that is governed, or AI used for FinOps itself."""

    FINOPS_FOR_AI = "finops_for_ai", "FinOps for AI"
    AI_FOR_FINOPS = "ai_for_finops", "AI for FinOps"


class Criticality(models.TextChoices):
    """How much the business depends on a scope; guardrails read it."""

    LOW = "low"
    STANDARD = "standard"
    HIGH = "high"
    BUSINESS_CRITICAL = "business_critical"


class ScopeQuerySet(TreeMixin, ScopedQuerySet["Scope"]):
    """Scopes, visible by their own path."""

    path_field = "path"

    def at_or_below(self, scope: Scope) -> Self:
        """The scope and all below it."""
        return self.filter(at_or_below((scope.path,), "path"))


ScopeManager = models.Manager.from_queryset(ScopeQuerySet)


class Scope(TreeNode):
    """A segment of AI spend that is governed. Its `path`, maintained by the database, addresses it everywhere."""

    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    slug = models.CharField(max_length=63)
    name = models.CharField(max_length=200, blank=True, default="")
    path = models.CharField(max_length=PATH_LENGTH_MAX, unique=True, editable=False, default="")
    kind = models.CharField(max_length=20, choices=ScopeKind.choices)
    practice = models.CharField(max_length=20, choices=Practice.choices, default=Practice.FINOPS_FOR_AI)
    environment = models.CharField(max_length=63, blank=True, default="")
    criticality = models.CharField(max_length=20, choices=Criticality.choices, default=Criticality.STANDARD)
    labels = models.JSONField(default=dict, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="", help_text="Of an organisation; ISO 4217.")
    fiscal_year_starts = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        blank=True,
        help_text="Of an organisation: the month in which its fiscal year starts, 1 to 12.",
    )
    is_unattributed = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopeManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["parent", "slug"], name="scope_slug_unique_among_siblings"),
            models.CheckConstraint(condition=Q(slug__regex=SLUG_PATTERN), name="scope_slug_is_a_slug"),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, kind="organisation")
                | (Q(parent__isnull=False) & ~Q(kind="organisation")),
                name="scope_root_is_an_organisation",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, currency__regex="^[A-Z]{3}$") | Q(parent__isnull=False, currency=""),
                name="scope_currency_stands_at_the_root",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, fiscal_year_starts__gte=1, fiscal_year_starts__lte=12)
                | Q(parent__isnull=False, fiscal_year_starts=1),
                name="scope_fiscal_year_stands_at_the_root",
            ),
            models.CheckConstraint(
                condition=Q(is_unattributed=True, slug=UNATTRIBUTED_SLUG, parent__isnull=False)
                | (Q(is_unattributed=False) & ~Q(slug=UNATTRIBUTED_SLUG)),
                name="scope_unattributed_is_named_so",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="set_path",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("parent_id", "slug", "path"),  # type: ignore[no-untyped-call]  # Untyped there.
                declare=[("parent_path", "text")],
                # FOR SHARE: waits for a parent that is being renamed or moved.
                func="""
                    IF NEW.parent_id IS NULL THEN
                        NEW.path := NEW.slug;
                    ELSE
                        SELECT path INTO parent_path FROM governance_scope WHERE id = NEW.parent_id FOR SHARE;
                        IF TG_OP = 'UPDATE' AND (
                            parent_path = OLD.path OR starts_with(parent_path, OLD.path || '/')
                        ) AND NEW.parent_id IS DISTINCT FROM OLD.parent_id THEN
                            RAISE EXCEPTION 'a scope cannot lie below itself' USING ERRCODE = 'check_violation';
                        END IF;
                        NEW.path := parent_path || '/' || NEW.slug;
                    END IF;
                    IF TG_OP = 'UPDATE' AND NEW.parent_id IS DISTINCT FROM OLD.parent_id
                       AND split_part(NEW.path, '/', 1) <> split_part(OLD.path, '/', 1) THEN
                        RAISE EXCEPTION 'a scope cannot leave its organisation' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="cascade_path",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__path__df=pgtrigger.F("new__path")),
                func="UPDATE governance_scope SET path = path WHERE parent_id = NEW.id; RETURN NULL;",
            ),
            pgtrigger.Trigger(
                name="bump_tree_version",
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
                # A random version, not a counter: a rolled-back counter value would be used again for another tree.
                func="""
                    INSERT INTO governance_scopetreeversion (id, version, transaction_id)
                    VALUES (1, gen_random_uuid(), pg_current_xact_id()::text::bigint)
                    ON CONFLICT (id) DO UPDATE
                        SET version = EXCLUDED.version, transaction_id = EXCLUDED.transaction_id;
                    RETURN NULL;
                """,
            ),
            *tells_of("scope"),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def organisation_slug(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]

    @property
    def depth(self) -> int:
        """0 for an organisation."""
        return self.path.count("/")


class ScopeTreeVersion(models.Model):
    """One row, rewritten by a trigger whenever the tree changes; it tells whether a tree in memory is current."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.UUIDField()
    transaction_id = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="scope_tree_version_is_one_row")]

    def __str__(self) -> str:
        return str(self.version)

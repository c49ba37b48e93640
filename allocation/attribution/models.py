"""Attribution rule sets with their keys and rules. A version is never edited; a changed document is a new one."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from governance.documents.models import Versioned
from governance.memory.models import tells_of
from governance.scopes.models import OrganisationQuerySet, RowT, Scope, ScopedQuerySet

# Together with the rule set's name (63) and a colon it fits into a usage record's `attribution` (250).
LABEL_MAX = 180


class AttributionRuleSetQuerySet(OrganisationQuerySet["AttributionRuleSet"]):
    """Rule sets, which belong to an organisation."""

    def counted(self) -> Self:
        """Annotates `key_count` and `rule_count`, by subqueries: joined, the two counts would multiply."""
        return self.annotate(
            key_count=_count_of(AttributionKey.objects.all()), rule_count=_count_of(AttributionRule.objects.all())
        )


def _count_of(lines: models.QuerySet[Any]) -> Coalesce:
    own_lines = lines.filter(rule_set=OuterRef("pk")).order_by().values("rule_set")
    return Coalesce(Subquery(own_lines.annotate(lines=Count("pk")).values("lines")), 0)


class AttributionRuleSet(Versioned):
    """One version of a named document of attribution rules; one version of a name is current."""

    objects = AttributionRuleSetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="attribution_version_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="attribution_one_current"),
        ]
        triggers = tells_of("attribution")


class PlacementQuerySet(ScopedQuerySet[RowT]):
    """Keys or rules, visible to those who see the organisation."""

    path_field = "rule_set__organisation__path"


class Placement(models.Model):
    """A key or rule of a rule set: its position, the scope it leads to and the UTC days on which it is valid,
    half-open.
    """

    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100, blank=True)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    effective_from = models.DateField(null=True)
    effective_to = models.DateField(null=True)

    class Meta:
        abstract = True


class AttributionKey(Placement):
    """What a call's key is named at its gateway or provider, never the key itself. Matched exactly, before any rule."""

    class Kind(models.TextChoices):
        """Which of the key's names is given."""

        KEY_HASH = "key_hash", "key hash"
        KEY_ALIAS = "key_alias", "key alias"
        SERVICE_ACCOUNT = "service_account", "service account"
        CREDENTIAL = "credential"
        PROJECT = "project"
        WEIR_KEY = "weir_key", "Weir API key"

    rule_set = models.ForeignKey(AttributionRuleSet, on_delete=models.PROTECT, related_name="keys")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    value = models.CharField(max_length=200)

    objects = PlacementQuerySet["AttributionKey"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "position"], name="attribution_key_position_once"),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_from__isnull=True)
                | Q(effective_to__gt=F("effective_from")),
                name="attribution_key_ends_after_it_starts",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        """The label that every record it places carries after the name of its rule set."""
        return self.name or f"{self.kind} {self.value}"[:LABEL_MAX]


class AttributionRule(Placement):
    """Places a record when every attribute of `when` matches, exactly or by `*`, and the CEL condition holds."""

    rule_set = models.ForeignKey(AttributionRuleSet, on_delete=models.PROTECT, related_name="rules")
    when = models.JSONField(default=dict)
    condition = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "position"], name="attribution_rule_position_once"),
            models.CheckConstraint(
                condition=~Q(when={}) | ~Q(condition=""), name="attribution_rule_asks_something"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name or f"rule {self.position + 1}"

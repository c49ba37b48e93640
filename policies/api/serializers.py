from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from policies.models import Alert, AlertEvent, Constraint, GuardrailVersion


class DecisionQuestion(serializers.Serializer[Any]):
    """For the API's documentation; `policies.api.decisions.Question` is what reads it."""

    scope = serializers.CharField(max_length=1000, help_text="Path of the scope that wants to run something.")
    model = serializers.CharField(max_length=200)
    provider = serializers.CharField(max_length=100, required=False)
    operation = serializers.CharField(max_length=100, required=False)
    estimated_tokens = serializers.IntegerField(min_value=0, required=False)


class ReasonOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    guardrail = serializers.CharField()
    step = serializers.CharField()
    scope = serializers.CharField(help_text="The scope the limit stands on: the one asked for or one above it.")
    limit = serializers.FloatField(allow_null=True)
    observed = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    resets_at = serializers.DateTimeField()
    retryable = serializers.BooleanField(
        help_text="Whether the call may be allowed at `resets_at` or before, with nobody resetting anything."
    )
    detail = serializers.CharField()


class DecisionOut(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=["allow", "deny"])
    reasons = ReasonOut(many=True)
    evaluated_at = serializers.DateTimeField(allow_null=True, help_text="When guardrails were last evaluated.")
    data_age_seconds = serializers.FloatField(allow_null=True, help_text="Age of the organisation's usage feed.")


class AlertOut(serializers.ModelSerializer[Alert]):
    scope = serializers.CharField(source="scope.path")

    class Meta:
        model = Alert
        fields: ClassVar[list[str]] = [
            "id", "scope", "guardrail", "level", "status", "step", "severity", "reason", "period_start", "period_end",
            "opened_at", "escalated_at", "last_notified_at", "acknowledged_at", "acknowledged_by", "resolved_at",
            "resolve_reason",
        ]  # fmt: skip
        read_only_fields = fields


class AlertEventOut(serializers.ModelSerializer[AlertEvent]):
    class Meta:
        model = AlertEvent
        fields: ClassVar[list[str]] = ["at", "kind", "step", "detail", "evidence"]
        read_only_fields = fields


class AlertDetailOut(AlertOut):
    events = AlertEventOut(many=True)

    class Meta(AlertOut.Meta):
        fields: ClassVar[list[str]] = [*AlertOut.Meta.fields, "evidence", "events"]
        read_only_fields = fields


class ConstraintOut(serializers.ModelSerializer[Constraint]):
    scope = serializers.CharField(source="scope.path")
    models = serializers.ListField(child=serializers.CharField(), source="model_patterns")

    class Meta:
        model = Constraint
        fields: ClassVar[list[str]] = [
            "id", "scope", "guardrail", "step", "action", "models", "owner", "reason", "evidence", "status",
            "starts_at", "expires_at", "min_hold_until", "released_at", "released_by", "release_reason", "alert",
        ]  # fmt: skip
        read_only_fields = fields


class GuardrailOut(serializers.ModelSerializer[GuardrailVersion]):
    class Meta:
        model = GuardrailVersion
        fields: ClassVar[list[str]] = [
            "name", "number", "digest", "level", "is_active", "source", "applied_at", "applied_by", "retired_at",
            "retired_by", "retire_reason",
        ]  # fmt: skip
        read_only_fields = fields


class GuardrailDetailOut(GuardrailOut):
    class Meta(GuardrailOut.Meta):
        fields: ClassVar[list[str]] = [*GuardrailOut.Meta.fields, "text", "document", "test_results"]
        read_only_fields = fields


class AcknowledgementIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class ReleaseIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)

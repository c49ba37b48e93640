from __future__ import annotations

from typing import Any

from rest_framework import serializers


class DecisionQuestion(serializers.Serializer[Any]):
    """For the API's documentation; `policies.decisions.api.decisions.Question` is what reads it."""

    scope = serializers.CharField(
        max_length=1000,
        required=False,
        help_text="Path of the scope that wants to run something. Without it the call is attributed as its usage will"
        " be: by keys and rules, else to the key's own scope.",
    )
    model = serializers.CharField(max_length=200)
    provider = serializers.CharField(max_length=200, required=False)
    operation = serializers.CharField(max_length=200, required=False)
    service_tier = serializers.CharField(max_length=200, required=False)
    source = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]  # a field, which DRF takes off the class
    team = serializers.CharField(max_length=200, required=False)
    key_alias = serializers.CharField(max_length=200, required=False)
    key_hash = serializers.CharField(max_length=200, required=False)
    attributes = serializers.DictField(child=serializers.CharField(max_length=500), required=False)
    estimated_tokens = serializers.IntegerField(min_value=0, required=False)


class ReasonOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    guardrail = serializers.CharField()
    step = serializers.CharField()
    scope = serializers.CharField(help_text="The scope the limit stands on: the one asked for or one above it.")
    limit = serializers.FloatField(allow_null=True)
    observed = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    resets_at = serializers.DateTimeField(allow_null=True)
    retryable = serializers.BooleanField(
        help_text="Whether the call may be allowed at `resets_at` or before, with nobody resetting anything."
    )
    detail = serializers.CharField()


class DecisionOut(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=["allow", "deny"])
    reasons = ReasonOut(many=True)
    evaluated_at = serializers.DateTimeField(allow_null=True, help_text="When guardrails were last evaluated.")
    data_age_seconds = serializers.FloatField(allow_null=True, help_text="Age of the organisation's usage feed.")
    stale = serializers.BooleanField(
        help_text="Whether what it was decided by is older than promised; then criticality says what follows."
    )
    snapshot_age_seconds = serializers.FloatField(help_text="How old what it was decided by may be.")

from rest_framework import serializers

from governance.models import Scope


class ScopeOut(serializers.ModelSerializer[Scope]):
    parent = serializers.CharField(source="parent.path", default=None, read_only=True, allow_null=True)  # type: ignore[assignment]  # Hides an attribute of DRF's own.
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Scope
        fields = (
            "path",
            "name",
            "kind",
            "practice",
            "environment",
            "criticality",
            "labels",
            "currency",
            "parent",
            "is_unattributed",
        )
        read_only_fields = fields

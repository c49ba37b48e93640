from django.apps import AppConfig

from governance.people.engine import AppRights


class PoliciesConfig(AppConfig):
    name = "policies"
    verbose_name = "Guardrails"
    default_auto_field = "django.db.models.BigAutoField"
    rights = AppRights(
        # Its counts and errors are of all organisations together.
        operated=frozenset({"evaluationrun"}),
        changes={"finops": frozenset({"alert", "constraint"})},
        api_writes={
            "engineering": frozenset({"alerts:write"}),
            "finops": frozenset({"alerts:write", "guardrails:write"}),
            "platform": frozenset({"alerts:write", "guardrails:write"}),
        },
    )

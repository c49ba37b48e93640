"""The app, and what personas may change in it."""

from django.apps import AppConfig

from governance.people.engine import AppRights


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "Governance"
    default_auto_field = "django.db.models.BigAutoField"
    rights = AppRights(
        changes={
            "finance": frozenset({"unitcosttarget"}),
            "finops": frozenset({"unitcosttarget"}),
            "platform": frozenset({"channel", "apikey", "delivery"}),
        }
    )

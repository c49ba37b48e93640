"""The app, and what personas may change in it."""

from django.apps import AppConfig

from governance.people.engine import ALL, AppRights

WRITES = frozenset({"budgets:write", "reservations:write"})


class BudgetsConfig(AppConfig):
    name = "budgets"
    default_auto_field = "django.db.models.BigAutoField"
    rights = AppRights(
        changes={"finance": frozenset({ALL})},
        api_writes={"engineering": WRITES, "finance": WRITES, "finops": WRITES},
    )

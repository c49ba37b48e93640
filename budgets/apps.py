"""The app, and what personas may change in it."""

from django.apps import AppConfig

from governance.people.engine import ALL, AppRights

BUDGETS_WRITE = frozenset({"budgets:write"})


class BudgetsConfig(AppConfig):
    name = "budgets"
    default_auto_field = "django.db.models.BigAutoField"
    rights = AppRights(
        changes={"finance": frozenset({ALL})},
        api_writes={"engineering": BUDGETS_WRITE, "finance": BUDGETS_WRITE, "finops": BUDGETS_WRITE},
    )

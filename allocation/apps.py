from django.apps import AppConfig

from governance.people.engine import AppRights

USAGE_WRITE = frozenset({"usage:write"})


class AllocationConfig(AppConfig):
    name = "allocation"
    default_auto_field = "django.db.models.BigAutoField"
    rights = AppRights(
        changes={
            # Who closes the month may have its shared cost split again.
            "finance": frozenset({"allocationrun", "billingperiod"}),
            "finops": frozenset(
                {
                    "allocationrun",
                    "attributionruleset",
                    "attributionrule",
                    "usagesource",
                    "pricebook",
                    "price",
                    # What prices recorded usage again.
                    "adjustmentrun",
                    # What replays quarantined usage.
                    "quarantinedusage",
                }
            ),
        },
        api_writes={"finops": USAGE_WRITE, "platform": USAGE_WRITE},
    )

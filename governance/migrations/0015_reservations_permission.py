"""Who holds money has a permission of its own (ADR 60). Keys that could hold until now, by `budgets:write`, still can."""

import django.contrib.postgres.fields
from django.db import migrations, models

STILL_HOLD = """
    UPDATE governance_apikey
    SET permissions = ARRAY(SELECT unnest(permissions || '{reservations:write}') ORDER BY 1)
    WHERE 'budgets:write' = ANY(permissions) AND NOT 'reservations:write' = ANY(permissions)
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0014_provider_identity")]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="permissions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("usage:write", "Usage Write"), ("usage:read", "Usage Read"),
                        ("decisions:read", "Decisions Read"), ("budgets:read", "Budgets Read"),
                        ("budgets:write", "Budgets Write"), ("reservations:write", "Reservations Write"),
                        ("guardrails:read", "Guardrails Read"), ("guardrails:write", "Guardrails Write"),
                        ("alerts:read", "Alerts Read"), ("alerts:write", "Alerts Write"),
                        ("constraints:read", "Constraints Read"), ("scopes:read", "Scopes Read"), ("admin", "Admin"),
                    ],
                    max_length=40,
                ),
                size=None,
            ),
        ),
        migrations.RunSQL(STILL_HOLD, migrations.RunSQL.noop),
    ]

"""A sample of tasks, one in 128, for the sizes of very many. The id of a row never changes, so that updates stay as cheap."""

from django.db import migrations

SAMPLE = """
CREATE INDEX IF NOT EXISTS task_sampled ON allocation_task (scope_id, began_on) WHERE id % 2048 < 16;
"""


class Migration(migrations.Migration):
    dependencies = [("allocation", "0034_usage_is_rolled_up_first")]

    operations = [migrations.RunSQL(SAMPLE, reverse_sql=migrations.RunSQL.noop)]

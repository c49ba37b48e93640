"""A record's sender is kept, so that another's record with the same names is not taken for a repeat of it (ADR 46). Of
what is there already no sender is known: a repeat of it is a repeat, as before. Adds columns with a constant default,
which rewrites no row; it waits at most five seconds for a table, and is tried again by `migrate`.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("allocation", "0040_months_and_weeks_by_the_owner")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="quarantinedusage",
            name="sender",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=10,
                help_text="Whose record it is: the public prefix of a Weir key, or import. Empty: not known.",
            ),
        ),
        migrations.AddField(
            model_name="usageidentity",
            name="record_id",
            field=models.UUIDField(
                editable=False, help_text="Of an other id: the record that has it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="usagerecord",
            name="sender",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=10,
                help_text="The public prefix of the Weir key that sent it, or import. Empty: not known.",
            ),
        ),
    ]

"""Outcomes and metrics keep their sender, so that another's with the same names is not taken for a repeat (ADR 50). Of
what is there already no sender is known: a repeat of it is a repeat, as before. Adds columns with a constant default,
which rewrites no row; it waits at most five seconds for a table, and is tried again by `migrate`.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("allocation", "0041_senders")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="outcome",
            name="sender",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=10,
                help_text="The public prefix of the Weir key that sent it, or import. Empty: not known.",
            ),
        ),
        migrations.AddField(
            model_name="allocationmetric",
            name="sender",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=10,
                help_text="The public prefix of the Weir key that sent it. Empty: not known.",
            ),
        ),
        migrations.RemoveConstraint(model_name="allocationmetric", name="allocation_metric_counted_once"),
        migrations.AddConstraint(
            model_name="allocationmetric",
            constraint=models.UniqueConstraint(
                fields=["organisation", "source", "event_id", "sender"], name="allocation_metric_counted_once"
            ),
        ),
    ]

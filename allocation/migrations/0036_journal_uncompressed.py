from django.db import migrations

# Its rows live for seconds: compressing them cost more than all else that is done to write one.
OUTSIDE = "ALTER TABLE allocation_usagejournal ALTER COLUMN counted SET STORAGE {};"


class Migration(migrations.Migration):

    dependencies = [
        ('allocation', '0035_task_sample'),
    ]

    operations = [
        migrations.RunSQL(OUTSIDE.format("EXTERNAL"), OUTSIDE.format("EXTENDED")),
    ]

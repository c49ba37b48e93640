"""Raw usage becomes a table partitioned by month. Django's migrations cannot say so: the table made by 0001 is the
pattern for the columns and checks, and the indexes of its model state are made again on the partitioned one."""

from django.db import migrations

PARTITION = """
ALTER TABLE allocation_usagerecord RENAME TO allocation_usagerecord_pattern;
CREATE TABLE allocation_usagerecord (LIKE allocation_usagerecord_pattern INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (occurred_at);
DROP TABLE allocation_usagerecord_pattern;
ALTER TABLE allocation_usagerecord ADD CONSTRAINT allocation_usagerecord_pkey PRIMARY KEY (id, occurred_at);
CREATE INDEX usage_of_scope ON allocation_usagerecord (scope_id, occurred_at DESC);
CREATE INDEX usage_newest ON allocation_usagerecord (occurred_at DESC, id DESC);
CREATE INDEX usage_unpriced ON allocation_usagerecord (occurred_at DESC) WHERE cost IS NULL AND status = 'success';
ALTER TABLE allocation_usageminute SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE allocation_usagehour SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE allocation_usageday SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
"""


class Migration(migrations.Migration):
    dependencies = [("allocation", "0001_initial")]

    operations = [migrations.RunSQL(PARTITION, reverse_sql=migrations.RunSQL.noop)]

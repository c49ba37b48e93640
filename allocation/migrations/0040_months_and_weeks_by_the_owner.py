"""Functions that do with the owner's rights what the application, which owns no table, may do to whole tables: make a
month of usage or a week of roll-ups, drop one that is over, hold the exchange rates. See docs/adr/0042.
"""

from django.db import migrations

MAKE_MONTH = """
CREATE OR REPLACE FUNCTION public.weir_make_month(first date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE part text := 'allocation_usagerecord_' || to_char(first, 'YYYY_MM');
BEGIN
    IF extract(day FROM first) <> 1 THEN
        RAISE EXCEPTION '% is not the first day of a month', first USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.allocation_usagerecord'
        ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', part
    );
    EXECUTE format(
        'ALTER TABLE public.allocation_usagerecord ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        part, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'
    );
END $$
"""

DROP_MONTH = """
CREATE OR REPLACE FUNCTION public.weir_drop_month(first date, at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part text := 'allocation_usagerecord_' || to_char(first, 'YYYY_MM');
    held boolean;
BEGIN
    IF extract(day FROM first) <> 1 OR (first + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month of % is not over', first USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', part) INTO held;
    IF held THEN
        INSERT INTO public.allocation_droppedmonth (month, dropped_at) VALUES (first, at) ON CONFLICT DO NOTHING;
    END IF;
    EXECUTE format('DROP TABLE public.%I', part);
END $$
"""

# A row that was on its way to the rest would be refused there once the week is attached: the lock on the whole keeps out
# who adds meanwhile.
MAKE_WEEK = """
CREATE OR REPLACE FUNCTION public.weir_make_week(whole text, monday date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part text := whole || to_char(monday, '_YYYY_MM_DD');
    since timestamptz := monday::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (monday + interval '7 days') AT TIME ZONE 'UTC';
BEGIN
    IF whole NOT IN ('allocation_usageminute', 'allocation_usagehour') OR extract(isodow FROM monday) <> 1 THEN
        RAISE EXCEPTION 'no week of roll-ups: % from %', whole, monday USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', whole);
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', whole || '_rest');
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING INDEXES)'
        ' WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)', part, whole
    );
    EXECUTE format(
        'INSERT INTO public.%I SELECT * FROM public.%I WHERE bucket >= %L AND bucket < %L',
        part, whole || '_rest', since, until
    );
    EXECUTE format('DELETE FROM public.%I WHERE bucket >= %L AND bucket < %L', whole || '_rest', since, until);
    EXECUTE format(
        'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', whole, part, since, until
    );
END $$
"""

# The application may delete roll-ups row by row, so this asks only what is dropped and not when.
DROP_WEEK = """
CREATE OR REPLACE FUNCTION public.weir_drop_week(part text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF part !~ '^allocation_usage(minute|hour)(_before)?_\\d{4}_\\d{2}_\\d{2}$' THEN
        RAISE EXCEPTION '% is no week of roll-ups', part USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS public.%I', part);
END $$
"""

HOLD_EXCHANGE_RATES = """
CREATE OR REPLACE FUNCTION public.weir_hold_exchange_rates() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE public.allocation_exchangerate IN SHARE ROW EXCLUSIVE MODE;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("allocation", "0039_records_by_instant")]

    operations = [
        migrations.RunSQL(function, migrations.RunSQL.noop)
        for function in (MAKE_MONTH, DROP_MONTH, MAKE_WEEK, DROP_WEEK, HOLD_EXCHANGE_RATES)
    ]

"""A charge tells of the budgets that it brings to a watched line, and no longer of every whole per cent."""

from django.db import migrations, models

WATCHED = """
CREATE OR REPLACE FUNCTION budgets_charge_usage(
    accounts bigint[], spent_accounts bigint[], days date[], quantities numeric[], made_at timestamptz
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
-- Moves each quantity from an account to where spending goes, back where it is negative. Returns the scopes of the
-- accounts whose use came to a watched line or went on from it; where none is watched, went over a whole per cent of
-- what they were funded with. Of accounts that were funded with nothing: always.
BEGIN
    INSERT INTO budgets_transfer
        (kind, credit_account_id, debit_account_id, amount, occurred_on, at, reference, reason)
    SELECT CASE WHEN quantity > 0 THEN 'charge' ELSE 'adjust' END,
        CASE WHEN quantity > 0 THEN account ELSE spent END, CASE WHEN quantity > 0 THEN spent ELSE account END,
        abs(quantity), day, made_at, 'usage', ''
    FROM unnest(accounts, spent_accounts, days, quantities) AS moved (account, spent, day, quantity);
    RETURN QUERY
        SELECT account.scope_id
        FROM (
            SELECT moved.account AS id, sum(moved.quantity) AS quantity
            FROM unnest(accounts, quantities) AS moved (account, quantity)
            WHERE moved.quantity > 0 GROUP BY moved.account
        ) AS charged
        JOIN budgets_account account ON account.id = charged.id
        WHERE account.funded = 0 OR CASE WHEN EXISTS (SELECT FROM budgets_watchedline)
            THEN EXISTS (
                SELECT FROM budgets_watchedline line
                WHERE line.unit = account.unit AND line.share * account.funded + line.amount
                    BETWEEN account.spent - charged.quantity AND account.spent
            )
            ELSE div(account.spent * 100, account.funded)
                > div((account.spent - charged.quantity) * 100, account.funded)
        END;
END $$;
"""
EVERY_PER_CENT = """
CREATE OR REPLACE FUNCTION budgets_charge_usage(
    accounts bigint[], spent_accounts bigint[], days date[], quantities numeric[], made_at timestamptz
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
-- Moves each quantity from an account to where spending goes, back where it is negative. Returns the scopes of the
-- accounts whose use went over a whole per cent of what they were funded with, or that were funded with nothing.
BEGIN
    INSERT INTO budgets_transfer
        (kind, credit_account_id, debit_account_id, amount, occurred_on, at, reference, reason)
    SELECT CASE WHEN quantity > 0 THEN 'charge' ELSE 'adjust' END,
        CASE WHEN quantity > 0 THEN account ELSE spent END, CASE WHEN quantity > 0 THEN spent ELSE account END,
        abs(quantity), day, made_at, 'usage', ''
    FROM unnest(accounts, spent_accounts, days, quantities) AS moved (account, spent, day, quantity);
    RETURN QUERY
        SELECT account.scope_id
        FROM (
            SELECT moved.account AS id, sum(moved.quantity) AS quantity
            FROM unnest(accounts, quantities) AS moved (account, quantity)
            WHERE moved.quantity > 0 GROUP BY moved.account
        ) AS charged
        JOIN budgets_account account ON account.id = charged.id
        WHERE account.funded = 0
           OR div(account.spent * 100, account.funded) > div((account.spent - charged.quantity) * 100, account.funded);
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0003_charging_in_one_statement'),
    ]

    operations = [
        migrations.CreateModel(
            name='WatchedLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('unit', models.CharField(choices=[('money', 'Money'), ('tokens', 'Tokens'), ('requests', 'Requests'), ('gpu_hours', 'GPU hours')], max_length=10)),
                ('share', models.DecimalField(decimal_places=15, max_digits=30)),
                ('amount', models.DecimalField(decimal_places=9, max_digits=30)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('unit', 'share', 'amount'), name='watched_line_stands_once')],
            },
        ),
        migrations.RunSQL(WATCHED, reverse_sql=EVERY_PER_CENT),
    ]

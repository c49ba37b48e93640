"""Charging usage and asking which budgets are a step fuller is one statement: each round trip costs a sender's time, and
what the transfers' trigger has changed is visible only after the insert.
"""

from django.db import migrations

CHARGE = """
CREATE FUNCTION budgets_charge_usage(
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
    dependencies = [("budgets", "0002_currency_stands")]

    operations = [
        migrations.RunSQL(
            CHARGE, reverse_sql="DROP FUNCTION budgets_charge_usage(bigint[], bigint[], date[], numeric[], timestamptz)"
        )
    ]

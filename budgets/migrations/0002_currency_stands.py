"""An organisation's currency is the unit of its stored figures, so it does not change once there are some. The trigger
stands here, above what it looks at: usage and commitments of allocation, budgets, accepted unit costs.
"""

from django.db import migrations

STANDS = """
CREATE FUNCTION scope_currency_stands() RETURNS trigger AS $$
BEGIN
    IF EXISTS (
        SELECT FROM governance_scope AS below
        WHERE (below.path = OLD.path OR starts_with(below.path, OLD.path || '/'))
            AND (
                EXISTS (SELECT FROM allocation_usageday WHERE scope_id = below.id)
                OR EXISTS (SELECT FROM allocation_commitment WHERE scope_id = below.id)
                OR EXISTS (SELECT FROM budgets_budget WHERE scope_id = below.id)
                OR EXISTS (SELECT FROM governance_unitcosttarget WHERE scope_id = below.id)
            )
    ) THEN
        RAISE EXCEPTION 'an organisation''s currency is fixed once usage or a budget exists'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scope_currency_stands';
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;
CREATE TRIGGER scope_currency_stands BEFORE UPDATE OF currency ON governance_scope
    FOR EACH ROW WHEN (OLD.currency IS DISTINCT FROM NEW.currency) EXECUTE FUNCTION scope_currency_stands();
"""
FALLS = """
DROP TRIGGER scope_currency_stands ON governance_scope;
DROP FUNCTION scope_currency_stands();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("allocation", "0009_outcomes"),
        ("budgets", "0001_initial"),
        ("governance", "0002_unit_cost_target"),
    ]

    operations = [migrations.RunSQL(STANDS, reverse_sql=FALLS)]

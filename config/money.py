"""How far one person may raise a budget, as the environment states."""

from config.environment import Environment


def grant_percents(env: Environment) -> tuple[int, int, int]:
    """In percent of a budget's amount: what the grants of one period may raise it by together without a second person;
    and what may be granted in an emergency, in a period and in a day. 0: nothing.
    """
    alone = env.integer("WEIR_GRANT_ALONE_PERCENT", 100, least=0)
    in_period = env.integer("WEIR_EMERGENCY_PERIOD_PERCENT", 10, least=0)
    return alone, in_period, env.integer("WEIR_EMERGENCY_DAY_PERCENT", 5, least=0)

"""What an error of PostgreSQL is about, by its SQLSTATE: the database as it is now, or the rows of the statement."""

# Connections, transactions ended for another's sake, resources such as disk and memory, objects in use or locked,
# an operator's hand, the system below.
PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
# A standby that has not been promoted yet; a session ended since it was idle inside a transaction.
PASSING = frozenset({"25006", "25P03"})
QUERY_CANCELLED = "57014"
DISK_FULL = "53100"


def passes(state: str | None) -> bool:
    """Whether the same statement may succeed later though nothing about it has changed. None: the server said nothing,
    since the connection was gone.
    """
    return state is None or state in PASSING or state[:2] in PASSING_CLASSES

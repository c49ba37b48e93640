class EmbeddedPostgresError(Exception):
    """A sentence for the person who tried to start it."""

"""What keeps a ledger from being proved."""


class LedgerUnprovedError(Exception):
    """A ledger does not add up; the message says what is wrong first."""

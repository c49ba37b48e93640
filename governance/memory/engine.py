"""The channel on which the database tells of changes to what processes keep in memory."""

CHANNEL = "weir_decisions"
IDS_TOLD_MAX = 200

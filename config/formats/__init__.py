"""Date formats for Django: ISO 8601 in UTC, in every language."""

"""Errors of the embedded PostgreSQL."""


class EmbeddedPostgresError(Exception):
    """Starting or stopping failed; the message is a sentence for the operator."""

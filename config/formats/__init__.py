"""Dates are written alike everywhere: ISO 8601, in UTC."""

"""Budgets over HTTP: proposals by keys and people, decisions by people only."""

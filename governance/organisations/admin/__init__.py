from governance.organisations.admin import people, scopes

__all__ = ["people", "scopes"]

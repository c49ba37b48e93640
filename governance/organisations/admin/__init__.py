from governance.organisations.admin import people, scopes, sign_in

__all__ = ["people", "scopes", "sign_in"]

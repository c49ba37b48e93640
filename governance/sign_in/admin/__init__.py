from governance.sign_in.admin import pages

__all__ = ["pages"]

from governance.sign_in.admin import pages, sessions

__all__ = ["pages", "sessions"]

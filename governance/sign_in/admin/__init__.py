from governance.sign_in.admin import pages, people, second_factors, sessions, slack_accounts

__all__ = ["pages", "people", "second_factors", "sessions", "slack_accounts"]

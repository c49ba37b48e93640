from budgets.requests.admin import requests

__all__ = ["requests"]

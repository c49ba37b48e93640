"""A budget is proposed and approved here as in the tests of budgets."""

from tests.budgets.conftest import approve, author, finance, propose

__all__ = ["approve", "author", "finance", "propose"]

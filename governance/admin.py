"""Django finds this app's pages here; each concept holds its own."""

from governance.messages import admin as messages
from governance.organisations import admin as organisations
from governance.records import admin as records
from governance.sign_in import admin as sign_in
from governance.unit_costs import admin as unit_costs

__all__ = ["messages", "organisations", "records", "sign_in", "unit_costs"]

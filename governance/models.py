"""Django finds this app's tables here; each concept holds its own."""

from governance.messages import models as messages
from governance.people import models as people
from governance.records import models as records
from governance.scopes import models as scopes
from governance.sign_in import models as sign_in
from governance.unit_costs import models as unit_costs
from governance.work import models as work

__all__ = ["messages", "people", "records", "scopes", "sign_in", "unit_costs", "work"]

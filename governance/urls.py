"""Routes of the API, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from governance.organisations.api import ScopeViewSet
from governance.unit_costs.api import UnitCostTargets

router = SimpleRouter(trailing_slash=False)
router.register("scopes", ScopeViewSet, basename="scope")

urlpatterns = [
    *router.urls,
    path("unit-cost-targets", UnitCostTargets.as_view(), name="unit-cost-targets"),
]

from django.urls import path
from rest_framework.routers import SimpleRouter

from governance.api.unit_cost import UnitCostTargets
from governance.api.views import ScopeViewSet

router = SimpleRouter(trailing_slash=False)
router.register("scopes", ScopeViewSet, basename="scope")

urlpatterns = [
    *router.urls,
    path("unit-cost-targets", UnitCostTargets.as_view(), name="unit-cost-targets"),
]

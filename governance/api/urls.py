from rest_framework.routers import SimpleRouter

from governance.api.views import ScopeViewSet

router = SimpleRouter(trailing_slash=False)
router.register("scopes", ScopeViewSet, basename="scope")

urlpatterns = router.urls

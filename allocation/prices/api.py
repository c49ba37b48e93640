"""Prices over HTTP: prices in force, the price books they come from, and exchange rates."""

from django.db.models import Count, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.documents import LABEL_MAX
from allocation.prices import queries
from allocation.prices.models import ExchangeRate, Meter, Price, PriceBook
from governance.rest.api import Parameters, actor, listed, requires, row_asked


class PriceOut(serializers.ModelSerializer[Price]):
    organisation = serializers.CharField(source="book.organisation.path")
    book = serializers.CharField(source="book.name")
    version = serializers.IntegerField(source="book.version")
    currency = serializers.CharField(source="book.currency")
    unit_price = serializers.SerializerMethodField(help_text="What is paid; tokens and characters are per million.")
    list_unit_price = serializers.SerializerMethodField(help_text="What is published; null: the book does not say.")

    class Meta:
        model = Price
        fields = (
            "id", "organisation", "book", "version", "currency", "provider", "model", "service_tier",
            "above_input_tokens", "meter", "unit_price", "list_unit_price", "effective_from", "effective_to",
            "hours", "zone", "region",
        )  # fmt: skip
        read_only_fields = fields

    def get_unit_price(self, price: Price) -> str:
        return f"{price.unit_price.normalize():f}"

    def get_list_unit_price(self, price: Price) -> str | None:
        return None if price.list_unit_price is None else f"{price.list_unit_price.normalize():f}"


class PriceFilterIn(Parameters):
    book = serializers.CharField(required=False, help_text="Name of a price book.")
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False, help_text="As the book writes it.")
    service_tier = serializers.CharField(required=False, max_length=LABEL_MAX)
    meter = serializers.ChoiceField(choices=Meter.choices, required=False)
    at = serializers.DateTimeField(required=False, help_text="Prices that hold at this instant; now without it.")


class BookOut(serializers.ModelSerializer[PriceBook]):
    organisation = serializers.CharField(source="organisation.path")
    discount_percent = serializers.CharField(source="document.discount_percent", default=None, allow_null=True)
    prices = serializers.IntegerField(source="prices_count", help_text="How many it states, of all times.")

    class Meta:
        model = PriceBook
        fields = (
            "id", "name", "version", "organisation", "is_current", "currency", "contract", "basis", "discount_percent",
            "prices", "digest", "applied_at", "applied_by",
        )  # fmt: skip
        read_only_fields = fields


class BookFilterIn(Parameters):
    name = serializers.CharField(required=False)
    current = serializers.BooleanField(required=False, default=True, help_text="false: former versions too.")


class ExchangeRateOut(serializers.ModelSerializer[ExchangeRate]):
    organisation = serializers.CharField(source="organisation.path")

    class Meta:
        model = ExchangeRate
        fields = (
            "id", "organisation", "from_currency", "to_currency", "effective_from", "rate", "source", "recorded_at",
            "recorded_by",
        )  # fmt: skip
        read_only_fields = fields


class ExchangeRateFilterIn(Parameters):
    from_currency = serializers.CharField(required=False)
    to_currency = serializers.CharField(required=False)


class Prices(APIView):
    """Prices that hold, of the current price books of one's organisation."""

    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="price_list", parameters=[PriceFilterIn], responses=PriceOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = PriceFilterIn.of(request)
        prices = queries.prices_in_force(actor=actor(request), at=wanted.get("at", timezone.now()))
        exact: dict[str, str] = {
            name: wanted[name] for name in ("provider", "model", "service_tier", "meter") if name in wanted
        }
        if "book" in wanted:
            exact["book__name"] = wanted["book"]
        return listed(self, request, prices.filter(**exact), PriceOut, ordering=("-id",))


def books(request: Request) -> QuerySet[PriceBook]:
    """Those the caller may see, each with the number of its prices."""
    visible = PriceBook.objects.visible_to(actor(request)).select_related("organisation")
    return visible.annotate(prices_count=Count("prices"))


class PriceBooks(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="price_book_list", parameters=[BookFilterIn], responses=BookOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = BookFilterIn.of(request)
        rows = books(request).filter(is_current=True) if wanted["current"] else books(request)
        if "name" in wanted:
            rows = rows.filter(name=wanted["name"])
        return listed(self, request, rows, BookOut, ordering=("-id",))


class PriceBookDetail(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="price_book_read", responses=BookOut)
    def get(self, request: Request, book_id: int) -> Response:
        """One version of a book; its prices are at /prices?book=NAME while it is current."""
        return Response(BookOut(row_asked(books(request), "price book", code="price_book_unknown", pk=book_id)).data)


class ExchangeRates(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(
        operation_id="exchange_rate_list", parameters=[ExchangeRateFilterIn], responses=ExchangeRateOut(many=True)
    )
    def get(self, request: Request) -> Response:
        """As stated, the last statement first."""
        wanted = ExchangeRateFilterIn.of(request)
        rates = ExchangeRate.objects.visible_to(actor(request)).select_related("organisation").filter(**wanted)
        return listed(self, request, rates, ExchangeRateOut, ordering=("-id",))

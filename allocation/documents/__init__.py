from allocation.documents.attribution import AttributionRulesDocument
from allocation.documents.exchange import ExchangeRatesDocument
from allocation.documents.prices import PriceBookDocument

__all__ = ["AttributionRulesDocument", "ExchangeRatesDocument", "PriceBookDocument"]

from allocation.documents.attribution import AttributionRulesDocument
from allocation.documents.prices import PriceBookDocument

__all__ = ["AttributionRulesDocument", "PriceBookDocument"]

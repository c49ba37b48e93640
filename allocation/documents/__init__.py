from allocation.documents.attribution import AttributionRulesDocument
from allocation.documents.commitments import CommitmentDocument
from allocation.documents.exchange import ExchangeRatesDocument
from allocation.documents.prices import PriceBookDocument
from allocation.documents.splits import SharedCostSplitDocument

__all__ = ["AttributionRulesDocument", "CommitmentDocument", "PriceBookDocument", "SharedCostSplitDocument"]
__all__ = ["AttributionRulesDocument", "ExchangeRatesDocument", "PriceBookDocument"]

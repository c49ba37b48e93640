from budgets.plans.documents import BUDGET, BudgetDocument
from governance.documents import load_documents, parse_document

TEXT = """\
apiVersion: weir/v1
kind: Budget
metadata: {name: search-money}
spec:
  scope: acme/search
  amount: "100.00"
  period: month
"""


def document(text: str = TEXT, **changes: str) -> BudgetDocument:
    for old, new in changes.items():
        text = text.replace(old, new)
    [sourced] = load_documents(text, source="budgets.yaml")
    return parse_document(BUDGET, sourced)

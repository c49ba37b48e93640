from pydantic import TypeAdapter

from governance.documents import load_documents, parse_document
from governance.messages.documents import ChannelDocument
from governance.organisations.documents import ScopeDocument

SCOPE, CHANNEL = TypeAdapter(ScopeDocument), TypeAdapter(ChannelDocument)


SEARCH = """
apiVersion: weir/v1
kind: Scope
metadata:
  name: acme/search
  title: Search
spec:
  kind: team
  criticality: high
  labels: {cost-centre: "4711"}
  owners:
    - {email: Ada@example.com, persona: engineering}
    - {email: fay@example.com, persona: finance, rights: [approve_budget]}
"""


SLACK = """
apiVersion: weir/v1
kind: Channel
metadata: {name: finops}
spec:
  type: slack
  scope: acme
  url: {env: SLACK_WEBHOOK_URL}
"""


def scope(text: str) -> ScopeDocument:
    return parse_document(SCOPE, load_documents(text, source="scopes.yaml")[0])


def channel(text: str) -> ChannelDocument:
    return parse_document(CHANNEL, load_documents(text, source="channels.yaml")[0])

from datetime import timedelta

from policies.constraints.models import Constraint
from tests.policies.conftest import AT

LATER = AT + timedelta(minutes=5)


BY_RATIO = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: by-ratio}
spec:
  match: {kinds: [team]}
  facts:
    ratio: {fact: budget.used_ratio}
  steps:
    - name: stop
      when: ratio >= 1.5
      actions: [block: {}]
  enforcement: {level: hard_mandatory}
"""


def limits() -> list[tuple[str, str]]:
    return sorted(Constraint.objects.values_list("guardrail", "status"))

"""Print the JSON Schema of a guardrail: ``python -m policies.documents > docs/reference/guardrail.schema.json``."""

import json
import sys

from policies.guardrails.documents.parsing import guardrail_schema

sys.stdout.write(json.dumps(guardrail_schema(), indent=2, sort_keys=True) + "\n")

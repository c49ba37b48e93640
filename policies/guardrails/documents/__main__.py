"""Prints the JSON Schema of a guardrail: ``python -m policies.guardrails.documents``."""

import json
import sys

from policies.guardrails.documents.parsing import guardrail_schema

sys.stdout.write(json.dumps(guardrail_schema(), indent=2, sort_keys=True) + "\n")

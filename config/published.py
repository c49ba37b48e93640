"""The published schemas: the OpenAPI document and the JSON Schema of each kind of document.

python -m config.published [--check]
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import django
from pydantic import TypeAdapter

from config.folders import PROJECT

REFERENCE = PROJECT / "docs" / "reference"


def openapi() -> str:
    """The OpenAPI document, as YAML."""
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415  # needs Django set up
    from drf_spectacular.renderers import OpenApiYamlRenderer  # noqa: PLC0415  # see above

    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    rendered: bytes = OpenApiYamlRenderer().render(schema, renderer_context={})  # type: ignore[no-untyped-call]
    return rendered.decode()


def document_schemas() -> dict[str, Any]:
    """JSON Schemas by the name of their file."""
    from allocation.attribution.documents import AttributionRulesDocument  # noqa: PLC0415  # see above
    from allocation.commitments.documents import CommitmentDocument  # noqa: PLC0415  # see above
    from allocation.prices.documents import ExchangeRatesDocument, PriceBookDocument  # noqa: PLC0415  # see above
    from allocation.shared_cost.documents import SharedCostSplitDocument  # noqa: PLC0415  # see above
    from allocation.sources.documents import UsageSourceDocument  # noqa: PLC0415  # see above
    from allocation.usage.documents import UsageMapping  # noqa: PLC0415  # see above
    from budgets.approval_rules.documents import ApprovalRulesDocument  # noqa: PLC0415  # see above
    from budgets.plans.documents import BudgetDocument  # noqa: PLC0415  # see above
    from governance.messages.documents import ChannelDocument  # noqa: PLC0415  # see above
    from governance.organisations.documents import ScopeDocument  # noqa: PLC0415  # see above
    from policies.guardrails.documents import guardrail_schema  # noqa: PLC0415  # see above

    models: dict[str, Any] = {
        "scope": ScopeDocument,
        "channel": ChannelDocument,
        "attribution-rules": AttributionRulesDocument,
        "usage-source": UsageSourceDocument,
        "exchange-rates": ExchangeRatesDocument,
        "price-book": PriceBookDocument,
        "commitment": CommitmentDocument,
        "shared-cost-split": SharedCostSplitDocument,
        "usage-mapping": UsageMapping,
        "budget": BudgetDocument,
        "approval-rules": ApprovalRulesDocument,
    }
    schemas = {name: TypeAdapter(model).json_schema(by_alias=True) for name, model in models.items()}
    return schemas | {"guardrail": guardrail_schema()}


def published() -> dict[Path, str]:
    """The text of each published file."""
    files = {REFERENCE / "openapi.yaml": openapi()}
    for name, schema in document_schemas().items():
        files[REFERENCE / f"{name}.schema.json"] = (
            json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )
    return files


def outdated() -> list[Path]:
    """Published files that are missing or differ from what the code says."""
    return [path for path, text in published().items() if not path.exists() or path.read_text() != text]


def main() -> int:
    """Write the files, or with --check return 1 when one is out of date."""
    parser = argparse.ArgumentParser(prog="python -m config.published")
    parser.add_argument("--check", action="store_true", help="only say which files are out of date")
    check = parser.parse_args().check
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if not check:
        for path, text in published().items():
            path.write_text(text)
        return 0
    old = outdated()
    for path in old:
        print(f"{path.relative_to(PROJECT)} is out of date: run `make docs` and review what changed.", file=sys.stderr)  # noqa: T201
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())

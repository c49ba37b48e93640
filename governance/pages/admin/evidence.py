"""Evidence of records as a table, and the colours of severities and statuses."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SEVERITY_LABEL = {"info": "info", "low": "info", "medium": "warning", "high": "danger", "critical": "danger"}
STATUS_LABEL = {
    "pending": "warning", "firing": "danger", "resolved": "success",
    "active": "danger", "released": "success", "expired": "info",
}  # fmt: skip


def table(values: Any) -> SafeString:
    """Nested JSON as rows of dotted name and value."""
    return format_html(
        '<table style="font-variant-numeric:tabular-nums"><tbody>{}</tbody></table>',
        format_html_join(
            "",
            '<tr><th style="text-align:left;padding:.125rem 1.5rem .125rem 0;font-weight:500">{}</th>'
            '<td style="padding:.125rem 0;overflow-wrap:anywhere">{}</td></tr>',
            _rows(values),
        ),
    )


def _rows(values: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(values, dict):
        return [row for name, below in values.items() for row in _rows(below, f"{path}.{name}" if path else str(name))]
    return [(path, "" if values is None else str(values))]

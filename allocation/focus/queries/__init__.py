"""FOCUS exports, as other packages import them."""

from allocation.focus.queries.export import (
    FocusExport,
    export_for,
    focus_csv,
    import_csv,
    unpriced_lines,
)
from allocation.focus.queries.parquet import (
    import_parquet,
    write_parquet,
)

__all__ = [
    "FocusExport",
    "export_for",
    "focus_csv",
    "import_csv",
    "import_parquet",
    "unpriced_lines",
    "write_parquet",
]

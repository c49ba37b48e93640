from datetime import datetime
from pathlib import Path
from typing import Any

from allocation.focus.importers.importing import FocusImportRequest, import_focus_file
from allocation.focus.models import FocusImport, FocusRow
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED

FOCUS = SHARED / "focus"


AI_ROWS = FOCUS / "ai_rows_focus_1_2_shape_our_own.csv"


def clock() -> datetime:
    return AT


def bring_in(path: Path, scope: Scope, version: Any = None) -> FocusImport:
    return import_focus_file(FocusImportRequest(path=path, scope=scope, version=version), now=clock)


def rows_of(run: FocusImport) -> list[FocusRow]:
    return list(FocusRow.objects.filter(source=run).order_by("row_number"))


HEAD = "BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,BilledCost,EffectiveCost,BillingCurrency,"


AI_HEAD = f"{HEAD}ServiceCategory,ServiceProviderName,ConsumedQuantity,ConsumedUnit,SkuMeter,SkuPriceDetails,Tags"


OCTOBER = "2026-10-01T00:00:00Z,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z"


def ai_row(quantity: str, unit: str, meter: str, details: str = "", tags: str = "", cost: str = "1.5") -> str:
    quoted = ",".join('"{}"'.format(text.replace('"', '""')) if text else "" for text in (details, tags))
    return f"{OCTOBER},Usage,0,{cost},USD,AI and Machine Learning,Solora,{quantity},{unit},{meter},{quoted}"


def write(path: Path, *rows: str, head: str = AI_HEAD) -> Path:
    path.write_text("\n".join((head, *rows)) + "\n")
    return path

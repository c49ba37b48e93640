from pathlib import Path

import pytest

from allocation.usage.importers.files import load_mapping
from governance.documents import DocumentError
from tests.allocation.usage.importers.imported import CSV_MAPPING


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("model:", "modell:"), "modell is not a field of a usage event"),
        (("  provider: {constant: openai}\n", ""), "fields lacks provider"),
        (("format: csv", "format: xml"), "format"),
    ],
)
def test_a_wrong_mapping_is_named(files: tuple[Path, Path], change: tuple[str, str], words: str) -> None:
    files[1].write_text(CSV_MAPPING.replace(*change))
    with pytest.raises(DocumentError, match=words):
        load_mapping(files[1])

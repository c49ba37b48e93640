from governance.documents.documents.base import (
    Change,
    Document,
    FromEnvironment,
    Metadata,
    NamedMetadata,
    Part,
    ScopePath,
    Slug,
    parse_document,
)
from governance.documents.documents.loader import (
    DocumentError,
    SourcedDocument,
    load_documents,
)

__all__ = [
    "Change",
    "Document",
    "DocumentError",
    "FromEnvironment",
    "Metadata",
    "NamedMetadata",
    "Part",
    "ScopePath",
    "Slug",
    "SourcedDocument",
    "load_documents",
    "parse_document",
]

"""Declared, like code: the documents `weir apply` reads, and the one safe way to read them."""

from governance.documents.base import Change, Document, FromEnvironment, Metadata, Slug, parse_document
from governance.documents.channel import ChannelDocument, ChannelSpec
from governance.documents.loader import DocumentError, SourcedDocument, load_documents
from governance.documents.scope import OwnerSpec, ScopeDocument, ScopeSpec

__all__ = [
    "Change",
    "ChannelDocument",
    "ChannelSpec",
    "Document",
    "DocumentError",
    "FromEnvironment",
    "Metadata",
    "OwnerSpec",
    "ScopeDocument",
    "ScopeSpec",
    "Slug",
    "SourcedDocument",
    "load_documents",
    "parse_document",
]

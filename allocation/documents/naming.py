from governance.documents import Metadata, Slug


class NamedMetadata(Metadata):
    """The name is written beside every record it prices or attributes."""

    name: Slug

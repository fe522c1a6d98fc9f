"""The schema described by itself: a data dictionary and an entity-relationship diagram."""

from __future__ import annotations

from collections.abc import Mapping

from hedgerow.infrastructure.postgres.documentation.diagram import diagram
from hedgerow.infrastructure.postgres.documentation.dictionary import dictionary
from hedgerow.infrastructure.postgres.tables import metadata


def pages() -> Mapping[str, str]:
    """Texts by file name."""
    return {"schema.md": dictionary(metadata), "schema.svg": diagram(metadata)}

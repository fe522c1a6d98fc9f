"""Whether text can be turned into vectors."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow.domain.errors import EmbeddingFailed
from hedgerow.usecases.checks import Finding, failed, ok
from hedgerow.usecases.ports.desk import Embedder


async def look_at_embedder(embedder: Embedder) -> Sequence[Finding]:
    """Embed one word; raises InputRefused where the settings are wrong."""
    try:
        [vector] = await embedder.embed(["hedgerow"])
    except EmbeddingFailed as error:
        fix = "see that the service runs and can be reached, or set HEDGEROW_EMBEDDER to wordllama"
        return [failed("embedder", f"{error.service} {error.problem}", fix)]
    return [ok("embedder", f"{embedder.model} gives vectors of {len(vector)} dimensions")]

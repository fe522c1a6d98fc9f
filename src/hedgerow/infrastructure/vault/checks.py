"""Whether the keys of the vault are at hand and private."""

from __future__ import annotations

from collections.abc import Sequence

from hedgerow.infrastructure.vault.key_sources import KeySource
from hedgerow.usecases.checks import Finding, ok


def look_at_keys(sources: Sequence[KeySource]) -> Sequence[Finding]:
    """How many keys there are and where; raises InputRefused. A command is run, so it may block."""
    found = {source.name: len(source.read()) for source in sources}
    if not any(found.values()):
        name = sources[0].name
        return [ok("vault", f"{name} is not created yet; the first use of the vault makes it")]
    counts = [f"{count} from {name}" for name, count in found.items() if count]
    return [ok("vault", f"keys: {', '.join(counts)}, readable by you alone")]
